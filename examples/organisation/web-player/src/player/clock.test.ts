import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, spoken } from "./clock.js";

test("short and long tracks", () => {
  assert.equal(clock(187), "3:07");
  assert.equal(clock(3765), "1:02:45");
  assert.equal(clock(-1), "0:00");
});

test("for screen readers", () => {
  assert.equal(spoken(61), "1 minute 1 second");
  assert.equal(spoken(0), "0 seconds");
});
