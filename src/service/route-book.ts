/** Which replica an engine chose for a request, and why. */
export interface RouteNote {
  /** The request's id. */
  id: string;
  replica: string;
  reason: string;
  /** From 1. */
  attempt: number;
}

const mostNotes = 10_000;

/** Remembers the last choice for a request until it is taken; the oldest are forgotten first. */
export class RouteBook {
  // changed by events
  private readonly notes = new Map<string, RouteNote>();

  note(note: RouteNote): void {
    this.notes.delete(note.id);
    this.notes.set(note.id, note);
    const oldest = this.notes.keys().next().value;
    if (this.notes.size > mostNotes && oldest !== undefined) this.notes.delete(oldest);
  }

  take(id: string): RouteNote | undefined {
    const found = this.notes.get(id);
    this.notes.delete(id);
    return found;
  }
}
