/**
 * Writes a call's arguments as JSON text, piece by piece, in the style of Python's `json.dumps(ensure_ascii=False)`:
 * a space after `:` and `,`. A key is written together with its value, so a value left out leaves no trace.
 */
export class ArgumentWriter {
  // changed by events
  private text = "";
  private prefix = "";
  private readonly open: { close: string; empty: boolean }[] = [];

  begin(kind: "object" | "array"): void {
    this.put(kind === "object" ? "{" : "[");
    this.open.push({ close: kind === "object" ? "}" : "]", empty: true });
  }

  /** The next value is this member of the open object. */
  key(name: string): void {
    this.prefix = `${this.separator()}${JSON.stringify(name)}: `;
  }

  /** The next value is an element of the open array. */
  element(): void {
    this.prefix = this.separator();
  }

  /** A value, or its first part, as JSON text. */
  put(json: string): void {
    this.text += this.prefix + json;
    this.prefix = "";
    const frame = this.open.at(-1);
    if (frame !== undefined) frame.empty = false;
  }

  /** Part of a string whose opening quote was put. Must not end inside a surrogate pair. */
  string(piece: string): void {
    this.text += JSON.stringify(piece).slice(1, -1);
  }

  quote(): void {
    this.text += '"';
  }

  /** Closes the innermost object or array. */
  close(): void {
    this.prefix = "";
    this.text += this.open.pop()?.close ?? "";
  }

  closeAll(): void {
    while (this.open.length > 0) this.close();
  }

  /** What was written since the last take. */
  take(): string {
    const taken = this.text;
    this.text = "";
    return taken;
  }

  private separator(): string {
    return (this.open.at(-1)?.empty ?? true) ? "" : ", ";
  }
}
