import { addressGroup } from "@boocode/limits";

/** The place of one client. */
export interface Admission {
  /**
   * The credential is proven: frees the unproven place, and takes one of the user's.
   * @param most the user's limit of connections here; null: none
   * @returns false when the user has as many, or the connection has closed: the unproven place is kept until `leave`
   */
  prove(userId: string, most: number | null): boolean;
  /** The connection has closed. */
  leave(): void;
}

/** Counts the connections of a gateway: all, those that are not proven, and those of each user. */
export function createPlaces(max: number): { admit(address: string): Admission | null } {
  const mostUnproven = Math.ceil(max / 10);
  const mostOfAddress = Math.ceil(mostUnproven / 2);
  const ofAddress = new Map<string, number>();
  const ofUser = new Map<string, number>();
  let all = 0;
  let unproven = 0;

  return {
    admit(address) {
      const group = addressGroup(address);
      if (all >= max || unproven >= mostUnproven || (ofAddress.get(group) ?? 0) >= mostOfAddress) return null;
      all += 1;
      unproven += 1;
      add(ofAddress, group, 1);
      let state: "unproven" | { userId: string } | "left" = "unproven";
      const leaveUnproven = () => {
        unproven -= 1;
        add(ofAddress, group, -1);
      };
      return {
        prove(userId, most) {
          if (state !== "unproven" || (most !== null && (ofUser.get(userId) ?? 0) >= most)) return false;
          state = { userId };
          leaveUnproven();
          add(ofUser, userId, 1);
          return true;
        },
        leave() {
          if (state === "left") return;
          all -= 1;
          if (state === "unproven") leaveUnproven();
          else add(ofUser, state.userId, -1);
          state = "left";
        },
      };
    },
  };
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
