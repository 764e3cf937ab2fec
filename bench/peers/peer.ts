/** A server that answers questions with the scripted model; all benchmarks drive all of them in the same way. */
export interface Peer {
  name: string;
  /** The main processes, whose descendants count as well. */
  services: number[];
  stores: number[];
  /** Opens a new session with one subscriber. @param user whose session it is, from 0 */
  openSession(user: number, heard: Heard): Promise<Session>;
  stop(): Promise<void>;
}

/** Called while a session's subscriber receives. Times are those of `nowUs`. */
export interface Heard {
  text(text: string, atUs: number): void;
  /** The session's oldest turn is over. @param failure why it failed */
  ended(failure: string | null): void;
}

export interface Session {
  /** Posts a question; resolves when it is accepted. */
  ask(question: string): Promise<void>;
  /** Where further subscribers follow the session; null: there can be none. */
  socket: { url: string; headers: Record<string, string> } | null;
  close(): void;
}
