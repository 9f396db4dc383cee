export { contrast, luminance, textOn, type Colour } from "./colour.js";
export { columns } from "./grid.js";
