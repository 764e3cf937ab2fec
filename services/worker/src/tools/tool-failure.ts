/**
 * An expected failure of a tool. The message is what the model reads, so it says what to do next, and never names a
 * path of the host. Anything else that a tool throws is a defect.
 */
export class ToolFailure extends Error {
  override name = "ToolFailure";
}
