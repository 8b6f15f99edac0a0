/**
 * The building that a network stands in: rooms on a grid, with walls between them. One storey.
 */
import type { SeededRandom } from './random.ts';

export interface Room {
  /** `kitchen`, unique only together with its column and row. */
  readonly kind: string;
  readonly column: number;
  readonly row: number;
}

/** A place in the building, metres from its corner. */
export interface Place {
  readonly room: Room;
  readonly x: number;
  readonly y: number;
}

export interface Building {
  readonly rooms: readonly Room[];
  /** Somewhere in a room, not at its walls. */
  placeIn(room: Room): Place;
}

const roomWidthMetres = 5;
const roomDepthMetres = 4;
const distanceFromWallMetres = 0.3;

const roomKinds = [
  'kitchen',
  'hall',
  'living-room',
  'bedroom',
  'bathroom',
  'office',
  'stairs',
  'dining-room',
  'nursery',
  'laundry',
  'pantry',
  'guest-room',
  'library',
  'workshop',
  'garage',
  'terrace',
  'corridor',
  'studio',
  'boiler-room',
  'cellar',
  'attic',
  'lobby',
  'meeting-room',
  'archive',
] as const;

/** A building as square as its number of rooms allows, at least two of them. */
export function createBuilding(roomCount: number, random: SeededRandom): Building {
  const count = Math.max(2, roomCount);
  const columns = Math.ceil(Math.sqrt(count));
  const order = random.shuffle(roomKinds);
  const rooms = Array.from({ length: count }, (_, index) => ({
    kind: order[index % order.length] ?? 'room',
    column: index % columns,
    row: Math.floor(index / columns),
  }));
  return {
    rooms,
    placeIn: (room) => ({
      room,
      x:
        room.column * roomWidthMetres +
        random.between(distanceFromWallMetres, roomWidthMetres - distanceFromWallMetres),
      y:
        room.row * roomDepthMetres +
        random.between(distanceFromWallMetres, roomDepthMetres - distanceFromWallMetres),
    }),
  };
}

/** Walls that a straight line between the two crosses: on a grid, one for each column and row between them. */
export function wallsBetween(from: Room, to: Room): number {
  return Math.abs(from.column - to.column) + Math.abs(from.row - to.row);
}
