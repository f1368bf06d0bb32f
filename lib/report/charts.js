// Draws the charts of a report page with uPlot, from the numbers in the page's data block.
// The chart descriptions are those of chart.ts. Runs in the browser; the last script of the page.
"use strict";

(() => {
  const { charts } = JSON.parse(document.getElementById("page-data").textContent);
  const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
  const CHART_HEIGHT = 280;
  /** Alignment gaps of joined series are undefined: uPlot draws through them. */
  const UPLOT = globalThis.uPlot ?? uPlot;

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const shade = (color, strength) =>
    `color-mix(in srgb, ${css(`--series-${color % 8}`)} ${
      Math.round(strength * 100)
    }%, transparent)`;

  function axis(label, options = {}) {
    return {
      label,
      stroke: css("--ink-soft"),
      grid: { stroke: css("--grid"), width: 1 },
      ticks: { stroke: css("--grid"), width: 1 },
      font: "12px system-ui, sans-serif",
      labelFont: "12px system-ui, sans-serif",
      values: (_, values) => values.map((value) => value === null ? "" : COMPACT.format(value)),
      ...options,
    };
  }

  function padded([low, high]) {
    // A range of rounding errors has no round numbers in it.
    const isPoint = high - low <= 1e-9 * Math.abs(high);
    const room = isPoint ? Math.max(1, Math.abs(low) * 0.1) : (high - low) * 0.05;
    return [low - room, high + room];
  }

  function lineData({ series, isLog }) {
    const clean = (values) =>
      isLog ? values.map((value) => value !== null && value > 0 ? value : null) : values;
    const tables = series.map(({ x, y, low, high, whiskers }) => [
      x,
      clean(y),
      ...(low && !whiskers ? [clean(low), clean(high)] : []),
    ]);
    return UPLOT.join(tables);
  }

  function lineOptions(chart) {
    const lines = [];
    const bands = [];
    const show = (value) => value === null || value === undefined ? "" : COMPACT.format(value);
    /** Without a cursor the legend tells the last value of each line. */
    const shown = (u, value, series, index) =>
      show(index === null || index === undefined ? lastOf(u.data[series]) : value);
    const whiskers = [];
    for (const one of chart.series) {
      const { label, low, color, strength = 1, points, dashed, hollow } = one;
      const stroke = shade(color, strength);
      lines.push({
        label,
        stroke,
        // Points alone.
        ...(one.whiskers ? { paths: () => null } : {}),
        width: 1.75,
        dash: dashed ? [6, 5] : undefined,
        points: {
          show: Boolean(points),
          size: hollow ? 7 : 5,
          stroke,
          fill: hollow ? css("--card") : stroke,
        },
        value: shown,
      });
      if (!low) continue;
      if (one.whiskers) {
        whiskers.push({ ...one, stroke });
        continue;
      }
      for (const edge of ["low", "high"]) {
        lines.push({
          label: `${label}, ${edge}`,
          class: "edge",
          stroke: "transparent",
          points: { show: false },
        });
      }
      bands.push({ series: [lines.length, lines.length - 1], fill: shade(color, 0.18 * strength) });
    }
    return {
      series: [{ label: chart.xLabel, value: shown }, ...lines],
      bands,
      scales: {
        x: { time: false },
        y: chart.isLog ? { distr: 3 } : chart.yRange ? { range: padded(chart.yRange) } : {},
      },
      axes: [axis(chart.xLabel), axis(chart.yLabel, { size: 60 })],
      hooks: {
        drawAxes: [
          ...(chart.hasDiagonal ? [drawDiagonal] : []),
          ...(chart.marks?.length ? [(u) => drawMarks(u, chart.marks)] : []),
        ],
        draw: whiskers.length ? [(u) => whiskers.forEach((one) => drawWhiskers(u, one))] : [],
      },
    };
  }

  function lastOf(values) {
    for (let i = values.length - 1; i >= 0; i--) {
      if (values[i] !== null && values[i] !== undefined) return values[i];
    }
    return null;
  }

  function drawWhiskers(u, { x, low, high, stroke }) {
    const { ctx } = u;
    ctx.save();
    ctx.strokeStyle = stroke;
    ctx.globalAlpha = 0.45;
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    ctx.beginPath();
    x.forEach((at, i) => {
      if (low[i] === null || high[i] === null) return;
      const left = Math.round(u.valToPos(at, "x", true)) + 0.5;
      ctx.moveTo(left, u.valToPos(low[i], "y", true));
      ctx.lineTo(left, u.valToPos(high[i], "y", true));
    });
    ctx.stroke();
    ctx.restore();
  }

  function drawMarks(u, marks) {
    const { ctx } = u;
    ctx.save();
    ctx.strokeStyle = css("--ink-soft");
    ctx.fillStyle = css("--ink-soft");
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.globalAlpha = 0.8;
    ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    let free = -Infinity;
    for (const { x, label } of marks) {
      const left = Math.round(u.valToPos(x, "x", true)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(left, u.bbox.top);
      ctx.lineTo(left, u.bbox.top + u.bbox.height);
      ctx.stroke();
      // A label that would stand on another one is left out; the data table has it.
      if (left < free) continue;
      ctx.fillText(label, left + 4 * devicePixelRatio, u.bbox.top + 2);
      free = left + ctx.measureText(label).width + 12 * devicePixelRatio;
    }
    ctx.restore();
  }

  function drawDiagonal(u) {
    const low = Math.max(u.scales.x.min, u.scales.y.min);
    const high = Math.min(u.scales.x.max, u.scales.y.max);
    if (!(low < high)) return;
    const { ctx } = u;
    ctx.save();
    ctx.strokeStyle = css("--ink-soft");
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(u.valToPos(low, "x", true), u.valToPos(low, "y", true));
    ctx.lineTo(u.valToPos(high, "x", true), u.valToPos(high, "y", true));
    ctx.stroke();
    ctx.restore();
  }

  function heatOptions({ xLabel, yLabel, steps, counts, low, width }) {
    const most = Math.max(1, ...counts.flat());
    const rows = Math.max(...counts.map(({ length }) => length));
    const draw = (u) => {
      const { ctx } = u;
      ctx.save();
      counts.forEach((column, i) => {
        const left = u.valToPos(i === 0 ? 0 : steps[i - 1], "x", true);
        const right = u.valToPos(steps[i], "x", true);
        column.forEach((count, j) => {
          if (count === 0) return;
          ctx.fillStyle = shade(0, 0.2 + 0.8 * Math.log1p(count) / Math.log1p(most));
          const top = u.valToPos(low + (j + 1) * width, "y", true);
          const bottom = u.valToPos(low + j * width, "y", true);
          ctx.fillRect(left, top, Math.max(1, right - left), Math.max(1, bottom - top));
        });
      });
      ctx.restore();
    };
    return {
      series: [{ label: xLabel }, { label: yLabel, show: false }],
      scales: {
        x: { time: false, range: [0, steps[steps.length - 1]] },
        y: { range: [low, low + rows * width] },
      },
      axes: [axis(xLabel), axis(yLabel, { size: 60 })],
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      hooks: { draw: [draw] },
    };
  }

  /** Arrow keys move the cursor of a chart that has the focus from point to point. */
  function listenForKeys(element, number) {
    let index = -1;
    element.addEventListener("keydown", (event) => {
      const plot = drawn[number];
      const xs = plot.data[0];
      const moves = { ArrowRight: 1, ArrowLeft: -1, Home: -xs.length, End: xs.length };
      if (!Object.hasOwn(moves, event.key) || xs.length === 0) return;
      index = Math.min(xs.length - 1, Math.max(0, index + moves[event.key]));
      plot.setCursor({
        left: plot.valToPos(xs[index], "x"),
        top: plot.over.clientHeight / 2,
      });
      plot.setLegend({ idx: index });
      event.preventDefault();
    });
  }

  const drawn = [];
  function drawAll() {
    for (const plot of drawn.splice(0)) plot.destroy();
    for (const chart of charts) {
      const element = document.getElementById(chart.id);
      const isHeat = chart.kind === "heat";
      const data = isHeat ? [chart.steps, chart.steps.map(() => chart.low)] : lineData(chart);
      const options = isHeat ? heatOptions(chart) : lineOptions(chart);
      const size = { width: Math.max(200, element.clientWidth), height: CHART_HEIGHT };
      const plot = new UPLOT({ ...size, ...options }, data, element);
      drawn.push(plot);
      if (!isHeat) plot.setLegend({ idx: null });
    }
    document.documentElement.dataset.charts = String(drawn.length);
  }

  drawAll();
  charts.forEach((chart, i) => listenForKeys(document.getElementById(chart.id), i));
  // A chart in a closed section has no width before it is opened.
  for (const section of document.querySelectorAll("details")) {
    section.addEventListener("toggle", drawAll);
  }
  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.previousElementSibling.textContent);
      button.textContent = "Copied";
      setTimeout(() => button.textContent = "Copy", 1500);
    });
  }
  // Paper is white, whatever the screen is.
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", drawAll);
  }
  new ResizeObserver(() => {
    drawn.forEach((plot, i) => {
      const width = Math.max(200, document.getElementById(charts[i].id).clientWidth);
      if (plot.width !== width) plot.setSize({ width, height: CHART_HEIGHT });
    });
  }).observe(document.body);
})();
