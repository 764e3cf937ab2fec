import { type Cluster, Redis, type RedisOptions } from "ioredis";
import { DirectConnector } from "./direct-connector.ts";

/**
 * A connection for subscriptions to a cluster, whose nodes pass every published message on to each other: one connection to any
 * node hears all. Each reconnect takes another node, and so does a node that the cluster has dropped, such as one that is cut
 * off from the others and hears nothing more. The subscriber of ioredis's Cluster changes its node without telling anybody.
 * @param topology knows the nodes; ends with the connection
 * @param first those to try while it does not
 */
export function followAnyNode(topology: Cluster, first: Address[], options: RedisOptions): Redis {
  let known = first;
  let current: Address | undefined;

  function next(): Address {
    const nodes = topology.nodes().map(addressOf);
    if (nodes.length > 0) known = nodes;
    const others = known.filter((node) => !isSame(node, current));
    const among = others.length > 0 ? others : known;
    current = among[Math.floor(Math.random() * among.length)] as Address;
    return current;
  }

  class ToAnyNode extends DirectConnector {
    protected override address(): Address {
      return next();
    }
  }

  const redis = new Redis({ ...options, Connector: ToAnyNode });
  topology.on("refresh", () => {
    const isDropped = !topology.nodes().some((node) => isSame(addressOf(node), current));
    if (redis.status === "ready" && isDropped) redis.disconnect(true);
  });
  redis.once("end", () => topology.disconnect());
  return redis;
}

interface Address {
  host: string;
  port: number;
}

const addressOf = ({ options: { host = "", port = 0 } }: Redis): Address => ({ host, port });
const isSame = (a: Address, b: Address | undefined) => a.host === b?.host && a.port === b.port;
