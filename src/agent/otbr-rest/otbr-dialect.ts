/**
 * How a border router's REST API tells its mesh: the port inside of `OtbrRestReader`, one adapter for each dialect. All
 * have `GET /node` for the border router's own state; the rest differs.
 *
 *   json-api   otbr-agent since September 2025: tasks, one device at a time
 *   legacy     otbr-agent before: `GET /diagnostics`, the whole mesh in one answer
 *   esp        Espressif's border router: as legacy, on a microcontroller with little memory
 */
import type { ExtAddress } from '../../protocol/ids.ts';
import type { DeviceDiagnostics } from '../mesh/device-diagnostics.ts';
import type {
  AskedDevice,
  BorderRouterState,
  DiagnosticTopic,
  ListedDevice,
  ReadContext,
  ReadResult,
  Survey,
} from '../mesh/mesh-reader.ts';

/** Names of fields that changed in July 2026 (REST API 0.4.0). */
export type FieldNames = 'current' | 'before_2026_07';

/** What a probe found. */
export interface OtbrDialect {
  readonly name: 'json-api' | 'legacy' | 'esp';
  /** Of the REST API, such as `0.5.0`; null where it does not tell. */
  readonly apiVersion: string | null;
  /** Null where they are not known yet, or there are no two kinds. */
  readonly fieldNames: FieldNames | null;
}

export interface DialectReader {
  readonly asksDevices: boolean;
  /** As `MeshReader.list`. */
  list(state: BorderRouterState, signal: AbortSignal): Promise<ReadResult<readonly ListedDevice[] | null>>;
  survey(state: BorderRouterState, expected: number, context: ReadContext): Promise<ReadResult<Survey>>;
  ask(
    device: AskedDevice & { readonly extAddress: ExtAddress },
    topics: ReadonlySet<DiagnosticTopic>,
    timeoutMs: number,
    context: ReadContext,
  ): Promise<ReadResult<DeviceDiagnostics>>;
}
