/** Moves what is selected a little, by keyboard. */
import type { Point } from "./measures";
import type { Scene } from "./scene";
import { chosenBoxes, relative } from "./useAlign";

/** New positions, each in its own list; what cannot go further there is left out. */
export function nudged(scene: Scene, ids: readonly string[], by: Point): { readonly id: string; readonly position: Point }[] {
  return [...chosenBoxes(scene, ids)].flatMap(([id, { x, y }]) => {
    const position = relative(scene, id, { x: x + by.x, y: y + by.y });
    const former = scene.items.get(id)?.position;
    return former?.x === position.x && former.y === position.y ? [] : [{ id, position }];
  });
}
