interface Screen {
  isTTY?: boolean;
  write(text: string): unknown;
}

const barWidth = 28;
const redrawMs = 100;
const step = 10;

/** Sizes as people say them: decimal units. */
export function bytesText(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** How far a download is: a bar that redraws itself on a terminal, a plain line every ten percent elsewhere. */
export class Progress {
  // fixed at birth
  private readonly title: string;
  private readonly screen: Screen;
  private readonly quiet: boolean;
  // changed by events
  private started: { at: number; done: number } | undefined;
  private drawnAt = -redrawMs;
  private toldPercent = -step;
  private drawn = false;

  constructor(title: string, screen: Screen, quiet: boolean) {
    this.title = title;
    this.screen = screen;
    this.quiet = quiet;
  }

  tell(done: number, total: number | undefined): void {
    if (this.quiet) return;
    const now = performance.now();
    this.started ??= { at: now, done };
    if (this.screen.isTTY === true) this.draw(done, total, now);
    else this.line(done, total);
  }

  /** Leaves the terminal on a fresh line. */
  end(): void {
    if (this.drawn) this.screen.write("\n");
    this.drawn = false;
  }

  private draw(done: number, total: number | undefined, now: number): void {
    if (now - this.drawnAt < redrawMs && done !== total) return;
    this.drawnAt = now;
    this.drawn = true;
    const share = total === undefined ? 0 : done / total;
    const full = Math.floor(share * barWidth);
    const bar = `${"█".repeat(full)}${"░".repeat(barWidth - full)}`;
    const percent = total === undefined ? "" : ` ${Math.floor(share * 100)} %`;
    this.screen.write(
      `\r\u001b[K${this.title} ${bar}${percent}  ${this.amount(done, total)}${this.rest(done, total, now)}`,
    );
  }

  private line(done: number, total: number | undefined): void {
    // without a length: one line every hundred megabytes
    const percent = total === undefined ? Math.floor(done / 1e8) * step : Math.floor((done / total) * 100);
    if (percent < this.toldPercent + step) return;
    this.toldPercent = percent - (percent % step);
    const said = total === undefined ? "" : `${percent} %, `;
    this.screen.write(`${this.title}: ${said}${this.amount(done, total)}\n`);
  }

  private amount(done: number, total: number | undefined): string {
    return total === undefined ? bytesText(done) : `${bytesText(done)} of ${bytesText(total)}`;
  }

  private rest(done: number, total: number | undefined, now: number): string {
    const { at, done: before } = this.started ?? { at: now, done };
    const seconds = (now - at) / 1000;
    if (seconds < 1 || done === before) return "";
    const speed = (done - before) / seconds;
    const left = total === undefined ? "" : `, ${timeText((total - done) / speed)} left`;
    return `  ${bytesText(speed)}/s${left}`;
  }
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
