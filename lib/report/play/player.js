// Animates the recordings in the page's data block; see recording.ts for their form.
// Runs in the browser, after picture.js.
"use strict";

(() => {
  const { recordings, unitsPerMeter } = JSON.parse(
    document.getElementById("page-data").textContent,
  );
  const element = (id) => document.getElementById(id);
  const { css, drawScene, prepare } = globalThis.udrlpgPicture;

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

  function drawPicture(panel, frame) {
    const [x, y] = panel.centers[frame];
    const moved = x - panel.centers[0][0];
    drawScene(panel.picture, { ...panel, points: pointsOf(panel, frame) }, {
      ...view,
      x,
      y,
      ...(panel.travels ? { moved } : {}),
    });
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
  // Paper is white, whatever the screen is.
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", draw);
  }
  draw();
  if (!readLink() && !matchMedia("(prefers-reduced-motion: reduce)").matches) play(true);
  document.documentElement.dataset.panels = String(panels.length);
})();
