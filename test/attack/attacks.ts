/** All attacks, one family after another. */
import type { Attack } from "./attack.ts";
import { bodyAttacks } from "./family/body.ts";
import { connectionAttacks } from "./family/connection.ts";
import { crowdAttacks } from "./family/crowd.ts";
import { machineAttacks } from "./family/machine.ts";
import { memoryAttacks } from "./family/memory.ts";
import { moneyAttacks } from "./family/money.ts";
import { mutatedAttacks } from "./family/mutated.ts";
import { readerAttacks } from "./family/reader.ts";
import { schemaAttacks } from "./family/schema.ts";
import { upstreamAttacks } from "./family/upstream.ts";

/** The seed is that of the mutated bodies. */
export function allAttacks(seed: number): Attack[] {
  return [
    ...mutatedAttacks(seed),
    ...schemaAttacks,
    ...crowdAttacks,
    ...moneyAttacks,
    ...machineAttacks,
    ...upstreamAttacks,
    ...readerAttacks,
    ...connectionAttacks,
    ...memoryAttacks,
    ...bodyAttacks,
  ];
}
