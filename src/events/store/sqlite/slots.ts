/** Slots: runs of neighbouring event keys, the unit in which readings are clustered and skipped. */

/** 2^14 events, so that the readings of the newest slot are a few hundred KiB, which a batch's writes stay within. */
export const slotBits = 14;

export const slotOf = (eventKey: number): number => Math.floor(eventKey / 2 ** slotBits);
