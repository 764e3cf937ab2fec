/** A Postgres or Redis server; tests may stop and restart it. */
export interface Server {
  /** Connection URL with user and password. `restart()` does not change it. */
  readonly url: string;
  /** One human-readable phrase: the program, where it came from, and its data folder. */
  readonly how: string;
  /** The server's main process; undefined when the server was given by URL or runs in a container. */
  readonly pid: number | undefined;
  /** Ends the server and, unless its data is kept, removes the data. Does nothing to a server that was given. */
  stop(): Promise<void>;
  /**
   * Sends a signal to the server and all its child processes; for SIGKILL it waits until they are gone.
   * @throws when the server is not a process of ours
   */
  kill(signal: NodeJS.Signals): Promise<void>;
  /**
   * Starts the server again on the same port and data, after stopping it if it still runs.
   * @throws when the server was given by URL
   */
  restart(): Promise<void>;
}

/** `full`: an acknowledged write survives a power cut. `test`: writes survive nothing, and cost nothing. */
export type Durability = "full" | "test";

/** Receives progress, one line at a time, never with a password. */
export type Log = (line: string) => void;

/** A server that an environment variable names. It is used, but never stopped, signalled or restarted. */
export function givenServer(url: string, variable: string): Server {
  const refuse = async () => {
    throw new Error(`the server of ${variable} is not ours to stop or restart`);
  };
  return {
    url,
    how: `the server that ${variable} names`,
    pid: undefined,
    stop: async () => {},
    kill: refuse,
    restart: refuse,
  };
}
