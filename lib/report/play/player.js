// Animates the recordings in the page's data block; see recording.ts for their form.
// Runs in the browser; the only script of the page.
"use strict";

(() => {
  const { recordings, unitsPerMeter } = JSON.parse(
    document.getElementById("page-data").textContent,
  );
  const element = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const TONES = { body: "--series-0", other: "--series-1", mark: "--series-2", line: "--series-7" };
  const GRID_STEPS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5];

  const panels = recordings.map((recording, i) => ({
    ...recording,
    picture: element(`picture-${i}`),
    course: element(`course-${i}`),
    returnOutput: element(`return-${i}`),
    stepOutput: element(`step-${i}`),
    stateOutput: element(`state-${i}`),
    ...measure(recording),
  }));
  const duration = Math.max(...panels.map(({ steps, stepSeconds }) => steps * stepSeconds));
  // All pictures have one scale, so that what moves farther is seen to.
  const view = {
    width: Math.max(...panels.map(({ box }) => box.width)),
    height: Math.max(...panels.map(({ box }) => box.height)),
  };

  /** One scale for all return lines, so that they can be compared. */
  const returnRange = [
    Math.min(0, ...panels.flatMap(({ returns }) => returns)),
    Math.max(1e-9, ...panels.flatMap(({ returns }) => returns)),
  ];
  const longest = Math.max(...panels.map(({ returns }) => returns.length));

  /** Writes a number with four significant digits, whole ones with all of theirs. */
  function brief(value) {
    return String(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4)));
  }

  /** Gives the end points of every stroke in metres. */
  function pointsOf({ strokes, fixed, frames }, frame) {
    let at = 0;
    return strokes.map((_, i) => {
      const four = fixed[i] ?? frames[frame].slice(at, at += 4);
      return four.map((value) => value / unitsPerMeter);
    });
  }

  /** Finds what the camera shows: everything, or a window that follows a body that travels. */
  function measure(recording) {
    const boxes = recording.frames.map((_, frame) => boxOf(pointsOf(recording, frame), recording));
    const whole = boxes.reduce(union);
    const own = Math.max(...boxes.map(({ right, left }) => right - left));
    const ownHeight = Math.max(...boxes.map(({ top, bottom }) => top - bottom));
    const tallest = whole.top - whole.bottom;
    const followsX = whole.right - whole.left > 2.2 * Math.max(own, tallest);
    const followsY = recording.ground === null && tallest > 2.2 * ownHeight;
    const width = followsX
      ? 2 * Math.max(own, followsY ? ownHeight : tallest)
      : whole.right - whole.left;
    const height = followsY ? 2 * ownHeight : tallest;
    const centers = boxes.map(({ left, right, top, bottom }) => [
      followsX ? (left + right) / 2 : (whole.left + whole.right) / 2,
      followsY ? (top + bottom) / 2 : (whole.top + whole.bottom) / 2,
    ]);
    return {
      box: { width: 1.1 * width, height: 1.1 * height },
      centers,
      travels: followsX || followsY,
    };
  }

  function boxOf(points, { strokes, ground, fixed }) {
    const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
    const hasMoving = fixed.some((four) => four === null);
    points.forEach(([x1, y1, x2, y2], i) => {
      // A far wall or a long rail must not make the body small where the camera may follow it.
      if (hasMoving && fixed[i] && strokes[i].tone === "line" && ground !== null) return;
      const half = strokes[i].width / 2;
      box.left = Math.min(box.left, x1 - half, x2 - half);
      box.right = Math.max(box.right, x1 + half, x2 + half);
      box.bottom = Math.min(box.bottom, y1 - half, y2 - half);
      box.top = Math.max(box.top, y1 + half, y2 + half);
    });
    if (ground !== null) box.bottom = Math.min(box.bottom, ground - 0.08 * (box.top - ground));
    return box;
  }

  function union(a, b) {
    return {
      left: Math.min(a.left, b.left),
      right: Math.max(a.right, b.right),
      bottom: Math.min(a.bottom, b.bottom),
      top: Math.max(a.top, b.top),
    };
  }

  /** Sizes a canvas for the screen's pixels; gives its context and size in CSS pixels. */
  function prepare(canvas) {
    const ratio = globalThis.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (
      canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)
    ) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  }

  function drawPicture(panel, frame) {
    const { context, width, height } = prepare(panel.picture);
    const scale = Math.min(width / view.width, height / view.height);
    const [centerX, centerY] = panel.centers[frame];
    const x = (value) => width / 2 + (value - centerX) * scale;
    const y = (value) => height / 2 - (value - centerY) * scale;
    drawGrid(context, { panel, scale, x, y, width, height, centerX, centerY });
    const points = pointsOf(panel, frame);
    panel.strokes.forEach(({ width: thick, tone, isCut }, i) => {
      const [x1, y1, x2, y2] = points[i];
      const color = css(TONES[tone]);
      // A dark edge below keeps limbs of one colour apart.
      for (const [edge, style] of [[0, "--page"], [1.5, ""]]) {
        context.strokeStyle = style ? css(style) : color;
        context.lineWidth = Math.max(1, thick * scale - edge);
        context.lineCap = isCut ? "butt" : "round";
        context.beginPath();
        context.moveTo(x(x1), y(y1));
        // A line without length is drawn as nothing by some browsers.
        context.lineTo(x(x2) + (x1 === x2 && y1 === y2 ? 0.01 : 0), y(y2));
        context.stroke();
      }
    });
  }

  function drawGrid(context, { panel, scale, x, y, width, height, centerX, centerY }) {
    const step = GRID_STEPS.find((size) => size * scale >= 45) ?? 10;
    context.strokeStyle = css("--grid");
    context.lineWidth = 1;
    context.beginPath();
    const left = centerX - width / 2 / scale;
    for (let at = Math.ceil(left / step) * step; x(at) < width; at += step) {
      context.moveTo(x(at), 0);
      context.lineTo(x(at), height);
    }
    if (panel.ground === null) {
      const bottom = centerY - height / 2 / scale;
      for (let at = Math.ceil(bottom / step) * step; y(at) > 0; at += step) {
        context.moveTo(0, y(at));
        context.lineTo(width, y(at));
      }
    }
    context.stroke();
    if (panel.ground !== null) {
      context.fillStyle = css("--edge");
      context.fillRect(0, y(panel.ground), width, height);
    }
    context.fillStyle = css("--ink-soft");
    context.font = "11px system-ui, sans-serif";
    if (!panel.isAbstract) {
      for (let at = Math.ceil(left / step) * step; x(at) < width; at += step) {
        context.fillText(`${Number(at.toFixed(2))} m`, x(at) + 3, height - 5);
      }
    }
    if (panel.travels) {
      const moved = centerX - panel.centers[0][0];
      const arrow = moved < 0 ? "←" : "→";
      context.fillText(`${arrow} ${Math.abs(moved).toFixed(1)} m from the start`, 8, 16);
    }
  }

  function drawCourse({ course, returns }, frame) {
    const { context, width, height } = prepare(course);
    const [low, high] = returnRange;
    const x = (at) => 2 + at / Math.max(1, longest - 1) * (width - 4);
    const y = (value) => height - 3 - (value - low) / (high - low) * (height - 6);
    for (
      const [from, to, color] of [
        [frame, returns.length - 1, "--grid"],
        [0, frame, "--series-0"],
      ]
    ) {
      context.strokeStyle = css(color);
      context.lineWidth = 2;
      context.beginPath();
      for (let at = from; at <= to; at++) context.lineTo(x(at), y(returns[at]));
      context.stroke();
    }
  }

  let seconds = 0;
  let isPlaying = false;
  let before;

  function frameOf({ stepSeconds, steps }) {
    return Math.min(steps, Math.floor(seconds / stepSeconds + 1e-6));
  }

  function draw() {
    for (const panel of panels) {
      const frame = frameOf(panel);
      drawPicture(panel, frame);
      drawCourse(panel, frame);
      panel.returnOutput.textContent = brief(panel.returns[frame]);
      panel.stepOutput.textContent = String(frame);
      panel.stateOutput.textContent = frame < panel.steps
        ? "going"
        : panel.terminated
        ? "ended by the task"
        : "cut off by the time limit";
    }
    element("scrub").value = String(duration > 0 ? seconds / duration : 0);
    element("clock").textContent = `${seconds.toFixed(1)} of ${duration.toFixed(1)} s`;
  }

  function tick(now) {
    if (!isPlaying) return;
    // A tab that was hidden goes on where it was.
    const elapsed = Math.min(0.1, (now - (before ?? now)) / 1000);
    before = now;
    seconds += elapsed * Number(element("speed").value);
    if (seconds >= duration) {
      if (element("repeat").checked) seconds = 0;
      else {
        seconds = duration;
        play(false);
      }
    }
    draw();
    requestAnimationFrame(tick);
  }

  function play(on) {
    isPlaying = on;
    before = undefined;
    element("play").textContent = on ? "Pause" : "Play";
    if (on && seconds >= duration) seconds = 0;
    if (on) requestAnimationFrame(tick);
  }

  function seek(to) {
    seconds = Math.min(duration, Math.max(0, to));
    draw();
  }

  function readLink() {
    const time = /^#t=([0-9.]+)$/.exec(location.hash)?.[1];
    if (time === undefined) return false;
    play(false);
    seek(Number(time));
    return true;
  }

  element("play").addEventListener("click", () => play(!isPlaying));
  element("scrub").addEventListener("input", ({ target }) => {
    play(false);
    seek(Number(target.value) * duration);
  });
  addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    // A list has keys of its own, and a button or a box that has the focus is pressed by the space bar.
    if (event.target.closest?.("select")) return;
    const isPressed = event.target.closest?.("button, input[type=checkbox]");
    if (event.key === " " && !isPressed) play(!isPlaying);
    else if (event.key === "Home" || event.key === "End") {
      play(false);
      seek(event.key === "Home" ? 0 : duration);
    } else if (steps) {
      play(false);
      seek(seconds + steps * Math.min(...panels.map(({ stepSeconds }) => stepSeconds)));
    } else return;
    event.preventDefault();
  });
  addEventListener("resize", draw);
  addEventListener("hashchange", readLink);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
  if (!readLink() && !matchMedia("(prefers-reduced-motion: reduce)").matches) play(true);
  document.documentElement.dataset.panels = String(panels.length);
})();
