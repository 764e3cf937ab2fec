/** Is there a Docker engine? testcontainers takes half a second to load, so only the last resort asks. */
export async function hasContainerEngine(): Promise<boolean> {
  const { getContainerRuntimeClient } = await import("testcontainers");
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}

/** The answer of a source that needs a Docker engine, where there is none. */
export const noContainerEngine = "no Docker engine answers";
