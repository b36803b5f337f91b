// Bars and lines over time, by echarts; loaded when one is first shown.
import { useComputedColorScheme } from '@mantine/core'
import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { useEffect, useRef } from 'react'

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, SVGRenderer])

export interface Series {
  name: string
  values: (number | null)[] // null: there is none
  line?: boolean
  own?: boolean // on an axis of its own
}

// Each is at least 3:1 against the page, light and dark.
const COLORS = ['#4c6ef5', '#2f9e44', '#ae3ec9', '#e8590c']

export default function Chart({ labels, series, label, height = 260 }: { labels: string[]; series: Series[]; label: string; height?: number }) {
  const box = useRef<HTMLDivElement>(null)
  const scheme = useComputedColorScheme('light')
  useEffect(() => {
    const chart = init(box.current!, scheme === 'dark' ? 'dark' : undefined, { renderer: 'svg' })
    const resized = new ResizeObserver(() => chart.resize())
    const second = series.some((s) => s.own)
    chart.setOption({
      color: COLORS,
      backgroundColor: 'transparent', animation: false, tooltip: { trigger: 'axis' }, legend: { top: 0, type: 'scroll' }, grid: { left: 44, right: second ? 64 : 12, top: 36, bottom: 28 },
      xAxis: { type: 'category', data: labels }, yAxis: [{ type: 'value', minInterval: 1 }, ...(second ? [{ type: 'value', splitLine: { show: false } }] : [])],
      series: series.map((s) => ({ name: s.name, type: s.line ? 'line' : 'bar', data: s.values, yAxisIndex: s.own ? 1 : 0, barGap: '0%', barMaxWidth: 28 })),
    })
    resized.observe(box.current!)
    return () => {
      resized.disconnect()
      chart.dispose()
    }
  }, [labels, series, scheme])
  return <div ref={box} role="img" aria-label={label} style={{ height, width: '100%' }} />
}
