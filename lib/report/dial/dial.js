// The page of a dial: opens the engine (engine.ts) with the page's data, and shows it at work.
// Runs in the browser, after engine_bundle.js and picture.js.
"use strict";

(() => {
  const { generator, returns, physics } = JSON.parse(
    document.getElementById("page-data").textContent,
  );
  const { css, drawScene, prepare, scaleOf } = globalThis.udrlpgPicture;
  const element = (id) => document.getElementById(id);
  /** Seconds for which the end of an episode is shown. */
  const REST_SECONDS = 0.6;
  /** Milliseconds of a picture that simulation may take. */
  const FRAME_MS = 12;
  const MAX_PANELS = 12;
  const KEY_PUSH_METERS = 1;

  const panels = [];
  let engine;
  let isPlaying = true;
  let before;

  // Browsers of before 2025 lack these.
  Uint8Array.fromBase64 ??= (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  Uint8Array.prototype.toHex ??= function () {
    return Array.from(this, (byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  /** Undoes deflate and base64. */
  async function unpack(text) {
    const packed = new Blob([Uint8Array.fromBase64(text)]).stream();
    const whole = packed.pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(whole).arrayBuffer());
  }

  /** Loads the physics engine out of the page, once. */
  let loading;
  globalThis.udrlpgPhysics = () => loading ??= loadPhysics();

  async function loadPhysics() {
    const [script, wasmBinary] = await Promise.all([unpack(physics.script), unpack(physics.wasm)]);
    const text = new TextDecoder().decode(script);
    const loaded = new Promise((resolve) => globalThis.udrlpgTakePhysics = resolve);
    const tag = document.createElement("script");
    tag.type = "module";
    tag.textContent = text.replace(/export default (\w+);\s*$/, "udrlpgTakePhysics($1);");
    document.body.append(tag);
    return (await loaded)({ wasmBinary });
  }

  /** Writes a number with four significant digits, whole ones with all of theirs. */
  function brief(value) {
    return String(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4)));
  }

  class Panel {
    constructor(subject, wanted) {
      this.figure = element("panel").content.firstElementChild.cloneNode(true);
      const part = (name) => this.figure.querySelector(`.${name}`);
      Object.assign(this, {
        subject,
        picture: part("picture"),
        histogram: part("histogram"),
        number: part("number"),
        dial: part("dial"),
        outputs: { return: part("return"), step: part("step"), state: part("state") },
        tally: part("tally"),
        seed: 0,
        finished: [],
        box: undefined,
        own: { width: 0, height: 0 },
        drag: undefined,
      });
      const { min, max } = engine.reachable;
      this.dial.min = min;
      this.dial.max = max;
      this.dial.addEventListener("input", () => this.ask(Number(this.dial.value)));
      this.number.addEventListener("change", () => {
        const value = Number(this.number.value);
        if (this.number.value.trim() !== "" && Number.isFinite(value)) this.ask(value);
        else this.number.value = brief(this.wanted);
      });
      part("again").addEventListener("click", () => this.restart());
      part("download").addEventListener("click", () => download(this.wanted));
      part("remove").addEventListener("click", () => remove(this));
      this.listenToPointer();
      element("panels").append(this.figure);
      this.ask(wanted);
    }

    /** Makes the policy for a return and hands the body over to it. */
    ask(wanted) {
      const start = performance.now();
      this.policy = engine.generate(wanted);
      this.madeIn = performance.now() - start;
      this.subject.use(this.policy);
      this.wanted = wanted;
      this.finished = [];
      this.isCounted = this.steps === 0;
      this.dial.value = wanted;
      this.number.value = brief(wanted);
      this.figure.dataset.wanted = String(wanted);
      this.picture.setAttribute("aria-label", `${engine.env}, asked for ${brief(wanted)}`);
      this.show();
    }

    /** Starts the next episode. */
    async restart() {
      this.seed++;
      Object.assign(this, { total: 0, steps: 0, isCounted: true, rest: 0, ended: "", due: 0 });
      this.start = undefined;
      await this.subject.restart(this.seed);
      this.show();
    }

    /** Plays so many seconds, within the time that a picture may take. */
    async play(seconds, deadline) {
      const { stepSeconds } = this.subject.scene;
      this.due += seconds;
      while (this.due >= stepSeconds && performance.now() < deadline) {
        this.due -= stepSeconds;
        if (this.ended !== "") {
          this.rest -= stepSeconds;
          if (this.rest <= 0) await this.restart();
          continue;
        }
        await this.step();
      }
      // What the machine cannot play in time is not owed.
      this.due = Math.min(this.due, 2 * stepSeconds);
    }

    async step() {
      if (this.drag !== undefined) {
        this.isCounted = false;
        this.figure.dataset.pushes = Number(this.figure.dataset.pushes ?? 0) + 1;
      }
      const { reward, terminated, truncated } = await this.subject.step(this.drag);
      this.total += reward;
      this.steps++;
      if (!terminated && !truncated) return;
      this.ended = terminated ? "ended by the task" : "cut off by the time limit";
      this.rest = Number(element("speed").value) === 0 ? 0 : REST_SECONDS;
      if (this.isCounted) this.finished.push(this.total);
    }

    show() {
      const { outputs } = this;
      outputs.return.textContent = brief(this.total ?? 0);
      outputs.step.textContent = `${this.steps ?? 0} of ${engine.maxEpisodeSteps}`;
      outputs.state.textContent = this.ended || (this.isCounted ? "going" : "going, not counted");
      this.draw();
      this.drawHistogram();
    }

    /** End points of every stroke as the drawing takes them. */
    points() {
      const { points, scene } = this.subject;
      return scene.strokes.map((_, i) => points.subarray(4 * i, 4 * i + 4));
    }

    /** What the camera has to show: grows with what has been seen. */
    look() {
      const { strokes, ground, geoms } = this.subject.scene;
      const points = this.points();
      const boxOf = (skips) => {
        const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
        points.forEach(([x1, y1, x2, y2], i) => {
          if (skips(strokes[i].tone)) return;
          const half = strokes[i].width / 2;
          box.left = Math.min(box.left, x1 - half, x2 - half);
          box.right = Math.max(box.right, x1 + half, x2 + half);
          box.bottom = Math.min(box.bottom, y1 - half, y2 - half);
          box.top = Math.max(box.top, y1 + half, y2 + half);
        });
        return box;
      };
      const own = boxOf((tone) => tone === "line" || tone === "mark");
      const whole = boxOf((tone) => tone === "line" && ground !== undefined);
      if (ground !== undefined) {
        whole.bottom = Math.min(whole.bottom, ground - 0.08 * (whole.top - ground));
      }
      this.own.width = Math.max(this.own.width, own.right - own.left);
      this.own.height = Math.max(this.own.height, own.top - own.bottom);
      this.box = this.box === undefined ? whole : {
        left: Math.min(this.box.left, whole.left),
        right: Math.max(this.box.right, whole.right),
        bottom: Math.min(this.box.bottom, whole.bottom),
        top: Math.max(this.box.top, whole.top),
      };
      const center = [(own.left + own.right) / 2, (own.top + own.bottom) / 2];
      this.start ??= center;
      const tall = this.box.top - this.box.bottom;
      // The classic tasks are drawn with all the room that they have.
      const mayTravel = geoms !== undefined;
      const across = this.box.right - this.box.left;
      const followsX = mayTravel && across > 2.2 * Math.max(this.own.width, tall);
      const followsY = mayTravel && ground === undefined && tall > 2.2 * this.own.height;
      const height = followsY ? 2 * this.own.height : tall;
      const width = followsX ? 2 * Math.max(this.own.width, height) : across;
      return {
        width: 1.1 * width,
        height: 1.1 * height,
        x: followsX ? center[0] : (this.box.left + this.box.right) / 2,
        y: followsY ? center[1] : (this.box.bottom + this.box.top) / 2,
        ...(followsX || followsY ? { moved: center[0] - this.start[0] } : {}),
      };
    }

    draw() {
      this.seen = this.look();
      // All pictures have one scale, so that what moves farther is seen to.
      const widths = panels.map(({ seen }) => seen?.width ?? 0);
      const heights = panels.map(({ seen }) => seen?.height ?? 0);
      this.view = {
        ...this.seen,
        width: Math.max(this.seen.width, ...widths),
        height: Math.max(this.seen.height, ...heights),
      };
      const scene = { ...this.subject.scene, points: this.points() };
      drawScene(this.picture, scene, this.view);
      if (this.drag !== undefined) this.drawDrag(scene);
    }

    /** Shows a push as a line from the body to where it is pulled. */
    drawDrag({ points }) {
      const { dx, dy, stroke } = this.drag;
      const context = this.picture.getContext("2d");
      const scale = scaleOf(this.picture, this.view);
      const [x1, y1, x2, y2] = points[stroke];
      const x = this.picture.clientWidth / 2 + ((x1 + x2) / 2 - this.view.x) * scale;
      const y = this.picture.clientHeight / 2 - ((y1 + y2) / 2 - this.view.y) * scale;
      context.strokeStyle = context.fillStyle = css("--series-4");
      context.lineWidth = 3;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + dx * scale, y - dy * scale);
      context.stroke();
      context.beginPath();
      context.arc(x + dx * scale, y - dy * scale, 5, 0, 2 * Math.PI);
      context.fill();
    }

    /** Draws the returns of finished episodes beside the wanted one. */
    drawHistogram() {
      const { context, width, height } = prepare(this.histogram);
      const { min, max } = engine.reachable;
      const all = [...this.finished, this.wanted, this.policy.expected, min, max];
      const [low, high] = [Math.min(...all), Math.max(...all)];
      const span = high - low || 1;
      const floor = height - 16;
      const x = (value) => 6 + (value - low) / span * (width - 12);
      const bars = Math.max(10, Math.min(40, Math.floor(width / 12)));
      const counts = new Array(bars).fill(0);
      for (const value of this.finished) {
        counts[Math.min(bars - 1, Math.floor((value - low) / span * bars))]++;
      }
      const most = Math.max(4, ...counts);
      context.fillStyle = css("--series-0");
      counts.forEach((count, i) => {
        const tall = count / most * (floor - 14);
        context.fillRect(6 + i * (width - 12) / bars, floor - tall, (width - 12) / bars - 1, tall);
      });
      context.fillStyle = css("--edge");
      context.fillRect(6, floor, width - 12, 1);
      context.fillStyle = css("--series-1");
      context.fillRect(x(this.wanted) - 1, 4, 2, floor - 4);
      context.font = "11px system-ui, sans-serif";
      const isRight = x(this.wanted) > width / 2;
      context.textAlign = isRight ? "right" : "left";
      context.fillText(`wanted ${brief(this.wanted)}`, x(this.wanted) + (isRight ? -5 : 5), 12);
      context.fillStyle = css("--ink-soft");
      context.textAlign = "left";
      context.fillText(brief(low), 6, height - 3);
      context.textAlign = "right";
      context.fillText(brief(high), width - 6, height - 3);
      const n = this.finished.length;
      const mean = this.finished.reduce((sum, value) => sum + value, 0) / n;
      const { expected } = this.policy;
      const measured = n === 0
        ? "no episode has ended yet"
        : `${brief(mean)} on average over ${n} ${n === 1 ? "episode" : "episodes"}`;
      const text = `Wanted ${brief(this.wanted)}, expected ${brief(expected)}: ${measured}. ` +
        `Policy made in ${this.madeIn.toFixed(1)} ms.`;
      this.tally.textContent = text;
      this.histogram.setAttribute("aria-label", `Returns of finished episodes. ${text}`);
      this.figure.dataset.finished = JSON.stringify(this.finished);
    }

    /** Metres of the picture under a pointer. */
    placeOf(event) {
      const frame = this.picture.getBoundingClientRect();
      const scale = scaleOf(this.picture, this.view);
      return [
        this.view.x + (event.clientX - frame.left - frame.width / 2) / scale,
        this.view.y - (event.clientY - frame.top - frame.height / 2) / scale,
      ];
    }

    /** The body nearest to a place; tracks and marks cannot be pushed. */
    strokeAt([x, y]) {
      const { strokes } = this.subject.scene;
      let best = { distance: Infinity, stroke: 0 };
      this.points().forEach(([x1, y1, x2, y2], stroke) => {
        if (strokes[stroke].tone === "line" || strokes[stroke].tone === "mark") return;
        const length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
        const t = length === 0 ? 0 : ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length;
        const share = Math.max(0, Math.min(1, t));
        const distance = Math.hypot(x - x1 - share * (x2 - x1), y - y1 - share * (y2 - y1));
        if (distance < best.distance) best = { distance, stroke };
      });
      return best.stroke;
    }

    listenToPointer() {
      const { picture } = this;
      picture.addEventListener("pointerdown", (event) => {
        picture.setPointerCapture(event.pointerId);
        this.grip = { stroke: this.strokeAt(this.placeOf(event)), from: this.placeOf(event) };
      });
      picture.addEventListener("pointermove", (event) => {
        if (this.grip === undefined) return;
        const [x, y] = this.placeOf(event);
        const { stroke, from } = this.grip;
        this.drag = { stroke, dx: x - from[0], dy: y - from[1] };
        if (!isPlaying) this.draw();
      });
      for (const name of ["pointerup", "pointercancel", "blur"]) {
        picture.addEventListener(name, () => {
          this.grip = undefined;
          this.drag = undefined;
        });
      }
      const pushes = {
        ArrowLeft: [-1, 0],
        ArrowRight: [1, 0],
        ArrowUp: [0, 1],
        ArrowDown: [0, -1],
      };
      picture.addEventListener("keydown", (event) => {
        const push = pushes[event.key];
        if (push === undefined) return;
        const tones = this.subject.scene.strokes.map(({ tone }) => tone);
        const stroke = Math.max(0, tones.findIndex((tone) => tone === "body" || tone === "other"));
        this.drag = { stroke, dx: KEY_PUSH_METERS * push[0], dy: KEY_PUSH_METERS * push[1] };
        event.preventDefault();
      });
      picture.addEventListener("keyup", (event) => {
        if (pushes[event.key] !== undefined) this.drag = undefined;
      });
    }
  }

  async function add(wanted) {
    if (panels.length >= MAX_PANELS) return;
    const panel = new Panel(await engine.createSubject(), wanted);
    panels.push(panel);
    await panel.restart();
    update();
  }

  async function remove(panel) {
    if (panels.length === 1) return;
    panels.splice(panels.indexOf(panel), 1);
    panel.figure.remove();
    update();
    await panel.subject.close();
  }

  function update() {
    element("add").disabled = panels.length >= MAX_PANELS;
    for (const { figure } of panels) {
      figure.querySelector(".remove").hidden = panels.length === 1;
    }
    document.documentElement.dataset.panels = String(panels.length);
  }

  async function download(wanted) {
    const bytes = await engine.encodeOnnx(wanted);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    link.download = `policy-${brief(wanted)}.onnx`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function play(on) {
    isPlaying = on;
    before = undefined;
    element("play").textContent = on ? "Pause" : "Play";
  }

  async function tick(now) {
    // A tab that was hidden goes on where it was.
    const elapsed = Math.min(0.1, (now - (before ?? now)) / 1000);
    before = now;
    try {
      if (isPlaying) {
        const speed = Number(element("speed").value);
        const seconds = speed === 0 ? 1e6 : elapsed * speed;
        const share = FRAME_MS / panels.length;
        for (const panel of [...panels]) {
          await panel.play(seconds, performance.now() + share);
          panel.show();
        }
      }
    } catch (error) {
      element("status").textContent = String(error);
      throw error;
    }
    requestAnimationFrame(tick);
  }

  async function open() {
    try {
      engine = globalThis.udrlpgEngine(generator);
      for (const wanted of returns) await add(wanted);
      element("status").textContent = "";
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) play(false);
      requestAnimationFrame(tick);
      document.documentElement.dataset.ready = "true";
    } catch (error) {
      element("status").textContent = `This page cannot play: ${error}`;
      throw error;
    }
  }

  const restartAll = () => Promise.all(panels.map((panel) => panel.restart()));
  const addAnother = () => {
    const { min, max } = engine.reachable;
    return add((min + max) / 2);
  };
  element("play").addEventListener("click", () => play(!isPlaying));
  element("restart").addEventListener("click", restartAll);
  element("add").addEventListener("click", addAnother);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A list and a number have keys of their own, and a button in focus is pressed by the space bar.
    if (event.target.closest?.("select, input[type=number]")) return;
    const isPressed = event.target.closest?.("button");
    const key = event.key.toLowerCase();
    if (key === " " && !isPressed) play(!isPlaying);
    else if (key === "r") restartAll();
    else if (key === "a") addAnother();
    else return;
    event.preventDefault();
  });
  addEventListener("resize", () => panels.forEach((panel) => panel.show()));
  // Paper is white, whatever the screen is.
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", () => panels.forEach((panel) => panel.show()));
  }
  open();
})();
