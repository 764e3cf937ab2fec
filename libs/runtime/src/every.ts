/**
 * Runs `act` repeatedly, with a pause between the end of one run and the start of the next, so that runs never overlap. A
 * failed run is reported and does not stop the loop.
 * @returns a function that stops the loop and resolves when a run in progress has ended
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
