/**
 * Runs `act` again and again with a pause between the end of one run and the start of the next, so that a slow run is never
 * overtaken by another. A failed run is reported and the next one comes all the same.
 * @returns stops it, and resolves when a run that was under way has ended
 */
export function every(
  pauseMs: () => number,
  act: () => Promise<unknown>,
  onError: (error: unknown) => void,
): () => Promise<void> {
  let stopped = false;
  let wake = () => {};
  const done = (async () => {
    while (!stopped) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs());
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (stopped) return;
      try {
        await act();
      } catch (error) {
        onError(error);
      }
    }
  })();
  return async () => {
    stopped = true;
    wake();
    await done;
  };
}
