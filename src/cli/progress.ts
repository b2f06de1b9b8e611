/** Where progress is written: a terminal, or a stream of lines. */
interface Screen {
  isTTY?: boolean;
  write(text: string): unknown;
}

const barWidth = 28;
const redrawMs = 100;
const stepPercent = 10;

/** A size in decimal units: `1.20 GB`, `3.4 MB`. */
export function bytesText(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Shows how far a download is: a bar that redraws itself on a terminal, a plain line every ten percent elsewhere. */
export class Progress {
  // fixed at birth
  private readonly title: string;
  private readonly screen: Screen;
  private readonly quiet: boolean;
  // changed by events
  /** When the first `update` came and how many bytes were there then; the speed is counted from it. */
  private started: { at: number; done: number } | undefined;
  /** When the bar was drawn last, by `performance.now()`. */
  private drawnAt = -redrawMs;
  /** The percentage of the last line. */
  private shownPercent = -stepPercent;
  /** Whether the cursor stands behind a bar; cleared by `end`. */
  private drawn = false;

  constructor(title: string, screen: Screen, quiet: boolean) {
    this.title = title;
    this.screen = screen;
    this.quiet = quiet;
  }

  /** `done` and `total` in bytes; `total` is `undefined` where the size is unknown. */
  update(done: number, total: number | undefined): void {
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
    const percent = total === undefined ? Math.floor(done / 1e8) * stepPercent : Math.floor((done / total) * 100);
    if (percent < this.shownPercent + stepPercent) return;
    this.shownPercent = percent - (percent % stepPercent);
    const share = total === undefined ? "" : `${percent} %, `;
    this.screen.write(`${this.title}: ${share}${this.amount(done, total)}\n`);
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
