import { EXIT_CODES } from "../pool/messages.ts";
import { exceeded, type ProcessUse, type UseLimits } from "../pool/process-use.ts";

const INTERVAL_MS = 100;

const useOfThisProcess = (): ProcessUse => {
  const { user, system } = process.cpuUsage();
  return { bytes: process.memoryUsage.rss(), cpuMs: (user + system) / 1000 };
};

/**
 * Ends this process when a call exceeds its limits, where the parent cannot watch it: on macOS. It finds nothing while the event loop is
 * blocked.
 * @returns a function that begins a call
 */
export function watchItself(limits: UseLimits): () => void {
  let before = useOfThisProcess();
  setInterval(() => {
    const found = exceeded(limits, before, useOfThisProcess());
    if (found !== null) process.exit(EXIT_CODES[found]);
  }, INTERVAL_MS).unref();
  return () => {
    before = useOfThisProcess();
  };
}
