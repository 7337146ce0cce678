// What moved: the places of both sides put beside one another.

export const SHOWN = 10; // results of each side that are shown
export const DEPTH = 50; // and so many are asked for, so that an item's other place is known

// places: {here, there}, from 1; there is null where the item is not among the other side's
export function places(column, other) {
  const there = new Map(other.items.map((item, row) => [item.id, row + 1]));
  return column.items.slice(0, SHOWN).map((item, row) => ({ item, here: row + 1, there: there.get(item.id) ?? null }));
}

// -> up, down, same, new; of an item on the right, beside where it stands on the left
export function moved({ here, there }) {
  if (there === null || there > SHOWN) return "new";
  if (there === here) return "same";
  return here < there ? "up" : "down";
}

export function countMoved(left, right) {
  return places(right, left).filter(each => moved(each) !== "same").length;
}
