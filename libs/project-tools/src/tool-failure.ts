/**
 * An expected failure of a tool. The model reads the message: it says what to do next and never contains a path of the
 * host. Any other error that a tool throws is a defect.
 */
export class ToolFailure extends Error {
  override name = "ToolFailure";
}
