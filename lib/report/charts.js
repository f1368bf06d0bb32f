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
    const room = low === high ? Math.max(1, Math.abs(low) * 0.1) : (high - low) * 0.05;
    return [low - room, high + room];
  }

  function lineData({ series, isLog }) {
    const clean = (values) =>
      isLog ? values.map((value) => value !== null && value > 0 ? value : null) : values;
    const tables = series.map(({ x, y, low, high }) => [
      x,
      clean(y),
      ...(low ? [clean(low), clean(high)] : []),
    ]);
    return UPLOT.join(tables);
  }

  function lineOptions(chart) {
    const lines = [];
    const bands = [];
    const show = (value) => value === null || value === undefined ? "–" : COMPACT.format(value);
    for (const { label, low, color, strength = 1, points, dashed } of chart.series) {
      const stroke = shade(color, strength);
      lines.push({
        label,
        stroke,
        width: 1.75,
        dash: dashed ? [6, 5] : undefined,
        points: { show: Boolean(points), size: 5, fill: stroke },
        value: (_, value) => show(value),
      });
      if (!low) continue;
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
      series: [{ label: chart.xLabel, value: (_, value) => show(value) }, ...lines],
      bands,
      scales: {
        x: { time: false },
        y: chart.isLog ? { distr: 3 } : chart.yRange ? { range: padded(chart.yRange) } : {},
      },
      axes: [axis(chart.xLabel), axis(chart.yLabel, { size: 60 })],
      hooks: chart.hasDiagonal ? { drawAxes: [drawDiagonal] } : {},
    };
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

  const drawn = [];
  function drawAll() {
    for (const plot of drawn.splice(0)) plot.destroy();
    for (const chart of charts) {
      const element = document.getElementById(chart.id);
      const isHeat = chart.kind === "heat";
      const data = isHeat ? [chart.steps, chart.steps.map(() => chart.low)] : lineData(chart);
      const options = isHeat ? heatOptions(chart) : lineOptions(chart);
      const size = { width: Math.max(200, element.clientWidth), height: CHART_HEIGHT };
      drawn.push(new UPLOT({ ...size, ...options }, data, element));
    }
    document.documentElement.dataset.charts = String(drawn.length);
  }

  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  new ResizeObserver(() => {
    drawn.forEach((plot, i) => {
      const width = Math.max(200, document.getElementById(charts[i].id).clientWidth);
      if (plot.width !== width) plot.setSize({ width, height: CHART_HEIGHT });
    });
  }).observe(document.body);
})();
