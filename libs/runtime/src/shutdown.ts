import type { Logger } from "./logger.ts";

export interface Releaser {
  /** What was acquired pushes its release; releases run last in, first out. */
  onRelease(name: string, release: () => unknown): void;
  /** Runs all releases once; a failing or hanging one is logged and hides no other. */
  release(): Promise<void>;
}

/** @param stepMs how long one release may take */
export function createReleaser(log: Logger, stepMs: number): Releaser {
  const releases: { name: string; release: () => unknown }[] = [];
  return {
    onRelease(name, release) {
      releases.push({ name, release });
    },
    async release() {
      for (let step = releases.pop(); step; step = releases.pop()) {
        const { name, release } = step;
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
          timer = setTimeout(() => {
            log.error({ step: name }, "a release took too long and is left behind");
            resolve();
          }, stepMs);
        });
        try {
          await Promise.race([Promise.resolve(release()), late]);
        } catch (err) {
          log.error({ step: name, err }, "a release failed");
        } finally {
          clearTimeout(timer);
        }
      }
    },
  };
}
