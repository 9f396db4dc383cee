import assert from "node:assert/strict";
import { test } from "node:test";
import { nextChange, playable, type Window } from "./rights.js";

const nordic: Window = { countries: ["NO", "SE"], from: new Date("2025-01-01Z"), until: new Date("2025-07-01Z") };

test("a window allows its countries in its time", () => {
  assert.equal(playable([nordic], "NO", new Date("2025-03-01Z")), true);
  assert.equal(playable([nordic], "DK", new Date("2025-03-01Z")), false);
  assert.equal(playable([nordic], "NO", new Date("2025-07-01Z")), false);
});

test("the next change is the nearest edge", () => {
  assert.deepEqual(nextChange([nordic], new Date("2025-03-01Z")), nordic.until);
});
