import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './main.css'
import { MantineProvider, createTheme } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider, createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { StrictMode, type ComponentType, type ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { Campaign } from './Execution'
import { Organization } from './Organization'
import { Dashboard, Reports } from './Reports'
import { RtbRequest, RtbRequests } from './Rtb'
import { Shell } from './Shell'
import { Call } from './calls/Call'
import { LiveCalls } from './calls/Live'
import { Calls } from './calls/Log'
import { FlowList } from './flow/List'
import { kinds } from './kinds'
import { t } from './text'
import { parseSearch, stringifySearch } from './url'
import { AuditLog, IncomingRequests, OutgoingRequests, Request } from './records'
import { ResourceForm, ResourceList } from './resources'

const root = createRootRoute({ component: Shell, notFoundComponent: () => <p>{t('There is no such page.')}</p> })
const page = (path: string, content: (params: Record<string, string>) => ReactNode) => {
  const route = createRoute({ getParentRoute: () => root, path, component: function Page() { return content(route.useParams() as Record<string, string>) } })
  return route
}
// A page that is loaded when it is opened, or when the mouse is on its link. Not by React's Suspense: that shows what it waits for no sooner than 300 ms after it began to wait.
const loaded = (path: string, load: () => Promise<{ default: ComponentType<{ id: string }> }>) => {
  const component = lazyRouteComponent(async () => {
    const { default: Content } = await load()
    return { default: function Page() { const { id } = route.useParams() as { id: string }; return <Content key={id} id={id} /> } }
  })
  const route = createRoute({ getParentRoute: () => root, path, component })
  return route
}
const resourcePages = Object.values(kinds).filter((k) => k !== kinds.flows).flatMap((k) => [
  page(k.page, () => <ResourceList kind={k} />),
  page(`${k.page}/$id`, ({ id }) => (k === kinds.campaigns ? <Campaign key={id} id={id} /> : <ResourceForm key={id} kind={k} id={id} />)),
])
const router = createRouter({
  parseSearch, stringifySearch,
  defaultPreload: 'intent',
  routeTree: root.addChildren([
    page('/', () => <Dashboard />),
    page('/reports', () => <Reports />),
    page('/calls', () => <Calls />),
    page('/calls/live', () => <LiveCalls />),
    loaded('/calls/$id/canvas', () => import('./flow/CallTrace')),
    page('/calls/$id', ({ id }) => <Call key={id} id={id} />),
    page('/campaigns/$id/execution', ({ id }) => <Campaign id={id} tab="execution" />),
    page('/data/call-flows', () => <FlowList />),
    loaded('/data/call-flows/$id', () => import('./flow/Builder')),
    page('/data/webhooks/incoming-requests', () => <IncomingRequests />),
    page('/data/webhooks/incoming-requests/$id', ({ id }) => <Request path="incoming-webhook-requests" id={id} />),
    page('/data/webhooks/outgoing-requests', () => <OutgoingRequests />),
    page('/data/webhooks/outgoing-requests/$id', ({ id }) => <Request path="outgoing-webhook-requests" id={id} />),
    page('/rtb/requests', () => <RtbRequests />),
    page('/rtb/requests/$id', ({ id }) => <RtbRequest key={id} id={id} />),
    page('/settings/organization', () => <Organization />),
    page('/settings/audit-log', () => <AuditLog />),
    ...resourcePages,
  ]),
})

const close = { defaultProps: { closeButtonProps: { 'aria-label': t('Close') } } }
const theme = createTheme({ primaryShade: { light: 8, dark: 7 }, components: { Modal: close, Drawer: close } })

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider defaultColorScheme="auto" theme={theme}>
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: 1 } } })}>
        <Notifications position="bottom-right" />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
