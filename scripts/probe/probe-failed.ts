/** The probe cannot go on; the message is all that a person needs to know. */
export class ProbeFailed extends Error {
  override name = "ProbeFailed";
}
