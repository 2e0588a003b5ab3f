// Names and addresses of a node. Several nodes run beside each other on one machine, each in a slot with addresses of its
// own; the first slot has those of the documentation. Pure.

export const SLOTS = 4;

export interface NodeAddresses {
  slot: number;
  /** The network namespace; also the name of the node's folder and of its cgroups. */
  namespace: string;
  nodeName: string;
  /** The node's own address, as its kubelet tells. */
  node: string;
  /** Ends of the link between machine and node: what the node and its pods call the machine, and the other way round. */
  machine: string;
  nodeOnLink: string;
  machineInterface: string;
  nodeInterface: string;
  nodeRange: string;
  linkRange: string;
  services: string;
  pods: string;
  /** The Services `kubernetes` and `kube-dns`. */
  apiService: string;
  dnsService: string;
}

export function nodeAddresses(slot: number): NodeAddresses {
  const node = `172.30.${2 * slot}`;
  const link = `172.30.${2 * slot + 1}`;
  const services = `10.${96 + slot}.0`;
  return {
    ...{ slot, namespace: `echoplane-node-${slot}`, nodeName: 'node0' },
    ...{ node: `${node}.1`, machine: `${link}.1`, nodeOnLink: `${link}.2` },
    ...{ machineInterface: `ep${slot}-machine`, nodeInterface: `ep${slot}-node` },
    ...{ nodeRange: `${node}.0/24`, linkRange: `${link}.0/24` },
    ...{ services: `${services}.0/16`, pods: `10.244.${slot}.0/24` },
    ...{ apiService: `${services}.1`, dnsService: `${services}.10` },
  };
}
