// Draws a scene's strokes on a canvas; the player and the dial share it. See scene.ts for their form.
// Runs in the browser, before the page's own script.
"use strict";

globalThis.udrlpgPicture = (() => {
  const TONES = { body: "--series-0", other: "--series-1", mark: "--series-2", line: "--series-7" };
  const GRID_STEPS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5];

  /** Reads a colour of the style sheet, which depends on the reader's scheme. */
  function css(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
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

  /** Pixels per metre of a view of so many metres. */
  function scaleOf(canvas, view) {
    return Math.min(canvas.clientWidth / view.width, canvas.clientHeight / view.height);
  }

  /**
   * Draws strokes: `scene` has strokes, points (x1, y1, x2, y2 of each), ground and isAbstract; `view` the
   * metres that are shown about (x, y), and how far the camera has moved where it follows.
   */
  function drawScene(canvas, scene, view) {
    const { context, width, height } = prepare(canvas);
    const scale = scaleOf(canvas, view);
    const x = (value) => width / 2 + (value - view.x) * scale;
    const y = (value) => height / 2 - (value - view.y) * scale;
    drawGrid(context, { scene, view, scale, x, y, width, height });
    scene.strokes.forEach(({ width: thick, tone, isCut }, i) => {
      const [x1, y1, x2, y2] = scene.points[i];
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

  function drawGrid(context, { scene, view, scale, x, y, width, height }) {
    const step = GRID_STEPS.find((size) => size * scale >= 45) ?? 10;
    const hasGround = typeof scene.ground === "number";
    context.strokeStyle = css("--grid");
    context.lineWidth = 1;
    context.beginPath();
    const left = view.x - width / 2 / scale;
    for (let at = Math.ceil(left / step) * step; x(at) < width; at += step) {
      context.moveTo(x(at), 0);
      context.lineTo(x(at), height);
    }
    if (!hasGround) {
      const bottom = view.y - height / 2 / scale;
      for (let at = Math.ceil(bottom / step) * step; y(at) > 0; at += step) {
        context.moveTo(0, y(at));
        context.lineTo(width, y(at));
      }
    }
    context.stroke();
    if (hasGround) {
      context.fillStyle = css("--edge");
      context.fillRect(0, y(scene.ground), width, height);
    }
    context.fillStyle = css("--ink-soft");
    context.font = "11px system-ui, sans-serif";
    if (!scene.isAbstract) {
      for (let at = Math.ceil(left / step) * step; x(at) < width; at += step) {
        context.fillText(`${Number(at.toFixed(2))} m`, x(at) + 3, height - 5);
      }
    }
    if (view.moved !== undefined) {
      const arrow = view.moved < 0 ? "←" : "→";
      context.fillText(`${arrow} ${Math.abs(view.moved).toFixed(1)} m from the start`, 8, 16);
    }
  }

  return { css, drawScene, prepare, scaleOf };
})();
