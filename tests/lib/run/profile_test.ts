/** Where time goes, with a clock that is moved by hand. */

import assert from "node:assert/strict";
import { describeProfile, Profile } from "../../../lib/run/profile.ts";

function createClock() {
  const clock = { now: 0, monotonicMs: () => clock.now, epochMs: () => 0 };
  return clock;
}

Deno.test("Profile.time() adds up methods, waits for promises and keeps results and `this`", async () => {
  const clock = createClock();
  const profile = new Profile(clock);
  const worker = {
    factor: 2,
    step(x: number) {
      clock.now += 1000;
      return this.factor * x;
    },
    async update() {
      await Promise.resolve();
      clock.now += 3000;
      return "done";
    },
  };
  profile.time(worker, { step: "physics", update: "updates" });
  assert.equal(worker.step(4), 8);
  assert.equal(worker.step(5), 10);
  assert.equal(await worker.update(), "done");
  clock.now += 500;
  const { physics, updates, policy, other, total } = profile.seconds;
  assert.deepEqual([physics, updates, policy, other, total], [2, 3, 0, 0.5, 5.5]);
});

Deno.test("Profile.time() gives the outermost part the time of what it calls", async () => {
  const clock = createClock();
  const profile = new Profile(clock);
  const env = { step: () => void (clock.now += 100) };
  profile.time(env, { step: "physics" });
  const runner = {
    async run() {
      env.step();
      await Promise.resolve();
      env.step();
    },
  };
  profile.time(runner, { run: "workers" });
  await runner.run();
  env.step();
  assert.equal(profile.seconds.workers, 0.2);
  assert.equal(profile.seconds.physics, 0.1);
});

Deno.test("Profile.time() goes on after a method that throws, at once or late", async () => {
  const clock = createClock();
  const profile = new Profile(clock);
  const target = {
    fail: (): void => {
      clock.now += 1000;
      throw new Error("at once");
    },
    failLate: (): Promise<void> => Promise.reject(new Error("late")),
    step: (): void => void (clock.now += 1000),
  };
  profile.time(target, { fail: "policy", failLate: "files", step: "physics" });
  assert.throws(() => target.fail(), { message: "at once" });
  await assert.rejects(target.failLate(), { message: "late" });
  target.step();
  assert.equal(profile.seconds.policy, 1);
  assert.equal(profile.seconds.physics, 1);
});

Deno.test("describeProfile() names the largest part first and leaves out what took no time", () => {
  const clock = createClock();
  const profile = new Profile(clock);
  const target = { a: () => void (clock.now += 1000), b: () => void (clock.now += 4000) };
  profile.time(target, { a: "files", b: "physics" });
  target.a();
  target.b();
  clock.now += 5000;
  assert.equal(
    describeProfile(profile.seconds),
    "other 50 % (5.0 s), physics 40 % (4.0 s), files 10 % (1.0 s)",
  );
});
