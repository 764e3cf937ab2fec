import type { Project, Session } from "@boocode/contracts";
import type { BooCodeError } from "./boo-code-error.ts";
import type { Connection } from "./session-view.ts";

/** A user's projects and sessions as of some frame. Never changed: the next frame makes another one. */
export interface UserView {
  /** The newest last, as REST gives them. */
  readonly projects: readonly Project[];
  /** By project; the one that changed last first. */
  readonly sessions: Readonly<Record<string, readonly Session[]>>;
  /** The lists are those of this version or a newer one; null until they were loaded. */
  readonly version: number | null;
  readonly connection: Connection;
  readonly error: BooCodeError | null;
}

export const emptyUserView: UserView = {
  projects: [],
  sessions: {},
  version: null,
  connection: "connecting",
  error: null,
};
