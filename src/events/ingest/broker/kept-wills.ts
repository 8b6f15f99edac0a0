/**
 * Wills of connected clients, on disk before their CONNECT is answered: whatever ends the connection, the process
 * included, they are published. Those of an earlier process are not in here; the broker publishes them at its start.
 */
import type { BrokerWill } from './aedes-internals.ts';
import { brokerSql } from './broker-file.ts';
import type { GroupCommit } from './group-commit.ts';

/** Aedes' client object, or what Aedes says of one that has gone. */
interface WillOwner {
  readonly id: string;
  readonly closed?: boolean;
}

interface KeptWill {
  readonly id: number;
  readonly will: BrokerWill;
  readonly owner: WillOwner;
}

export class KeptWills {
  readonly #disk: Pick<GroupCommit, 'write' | 'note'>;
  readonly #byClient = new Map<string, KeptWill>();

  constructor(disk: Pick<GroupCommit, 'write' | 'note'>) {
    this.#disk = disk;
  }

  async put(id: number, owner: WillOwner, will: BrokerWill): Promise<void> {
    await this.#disk.write([brokerSql.putWill(id, owner.id, will)]);
    this.#byClient.set(owner.id, { id, will, owner });
  }

  get(clientId: string): BrokerWill | undefined {
    return this.#byClient.get(clientId)?.will;
  }

  delete(client: WillOwner): BrokerWill | undefined {
    const kept = this.#byClient.get(client.id);
    if (kept === undefined) return undefined;
    // Asked for a connection that another has replaced: the will that is kept now is the other one's.
    if (client !== kept.owner && kept.owner.closed === false) return undefined;
    this.#byClient.delete(client.id);
    this.#disk.note(brokerSql.dropWill(kept.id));
    return kept.will;
  }

  all(): BrokerWill[] {
    return Array.from(this.#byClient.values(), ({ will }) => will);
  }
}
