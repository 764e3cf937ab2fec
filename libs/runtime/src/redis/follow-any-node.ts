import { type Cluster, Redis, type RedisOptions } from "ioredis";
import { DirectConnector } from "./direct-connector.ts";

/**
 * A connection for subscriptions to a cluster. Nodes forward every published message, so a connection to any node receives all.
 * Each reconnect uses another node. When the cluster drops the node, for example because it is cut off from the others, the
 * connection moves. ioredis's own cluster subscriber changes nodes without an event, so that a gap would go unnoticed.
 * @param topology lists the nodes; it is disconnected with the connection
 * @param first nodes to try until the topology is known
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
