/** The probe cannot continue; the message is for the user. */
export class ProbeFailed extends Error {
  override name = "ProbeFailed";
}
