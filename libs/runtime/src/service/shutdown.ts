import type { Logger } from "./logger.ts";

export interface Releaser {
  /** Registers the release of an acquired resource. Releases run last in, first out. */
  onRelease(name: string, release: () => unknown): void;
  /** Runs all releases once. One that fails or hangs is logged and does not keep the others from running. */
  release(): Promise<void>;
}

/** @param stepMs deadline for one release */
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
            log.error({ step: name }, "a release exceeded its deadline and is skipped");
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
