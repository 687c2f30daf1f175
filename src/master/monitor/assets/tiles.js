// A frame that is cut into tiles: what of its picture is there already.

import { read, thumbnail } from "./api.js";
import { fill, h } from "./dom.js";

const TILE_PX = 240;
/** More tiles than that are too small to be looked at. */
const TILES_SHOWN_MAX = 256;

/**
 * Lays the tiles of a frame out as they lie in it.
 * @param {any} place
 * @param {string} job
 * @param {any} info the frame
 * @param {(tile: any) => void} open
 */
export async function showTiles(place, job, info, open) {
  const columns = Number.parseInt(info.tiles.grid, 10);
  const tiles = await read(`jobs/${job}/frames/${info.frame}/tiles`);
  place.style.setProperty("grid-template-columns", `repeat(${columns}, 1fr)`);
  fill(place, ...tiles.slice(0, TILES_SHOWN_MAX).map((/** @type {any} */ tile) => piece(job, tile, open)));
}

/** @param {string} job @param {any} tile @param {(tile: any) => void} open */
function piece(job, tile, open) {
  const address = thumbnail(job, tile.frame, tile.attempt, TILE_PX, tile.tile);
  const label = `Tile ${tile.tile}: ${tile.state}`;
  return h("button", { "data-part": tile.state, "aria-label": label, title: label, onclick: () => open(tile) }, tile.hash && h("img", { src: address, alt: "" }));
}
