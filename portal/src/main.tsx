import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './main.css'
import { MantineProvider, createTheme } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClient, QueryClientProvider, type QueryKey } from '@tanstack/react-query'
import {
  RouterProvider, createRootRoute, createRoute, createRouter, lazyRouteComponent, type AnyRoute,
} from '@tanstack/react-router'
import { StrictMode, type ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { Account } from './Account'
import { NotFound } from './LoadFailed'
import { RtbRequest, RtbRequests, rtbRequests } from './Rtb'
import { Shell } from './Shell'
import { SignOut } from './SignOut'
import { ApiError } from './api'
import { LiveCalls } from './calls/Live'
import { Calls } from './calls/Log'
import { FlowList } from './flow/List'
import { kinds, type Kind } from './kinds'
import { t } from './text'
import { parseSearch, stringifySearch } from './url'
import { AuditLog, IncomingRequests, OutgoingRequests, Request, incomingRequests, outgoingRequests } from './records'
import { ResourceList } from './resources'
import { useLoadedName, usePageTitle } from './title'

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound })
type Params = Record<string, string>

// What a page is called: where it is and, for a page of one thing, the query whose answer has the thing's name.
interface Name {
  section: string
  of?: (id: string) => QueryKey
  isNew?: string // the name of /new
}

function useName({ section, of, isNew }: Name, id: string | undefined) {
  const name = useLoadedName(id && id !== 'new' ? of?.(id) : undefined)
  usePageTitle(...(id === 'new' && isNew ? [isNew] : [name, section]))
}

const page = (path: string, name: Name, content: (params: Params) => ReactNode) => {
  const route = createRoute({
    getParentRoute: () => root, path,
    component: function Page() {
      const params = route.useParams() as Params
      useName(name, params.id)
      return content(params)
    },
  })
  return route
}
type Content = (id: string) => ReactNode
// What is loaded when its page is opened, or when the mouse is on the link. Not by React's Suspense: that shows what it
// waits for no sooner than 300 ms after it began to wait.
const later = (load: () => Promise<Content>, useId: () => string) => lazyRouteComponent(async () => {
  const content = await load()
  return { default: () => content(useId()) }
})
const idOf = (route: AnyRoute) => (route.useParams() as Params).id ?? ''
const loaded = (path: string, name: Name, load: () => Promise<Content>) => {
  const useId = () => {
    const id = idOf(route)
    useName(name, id)
    return id
  }
  const route: AnyRoute = createRoute({ getParentRoute: () => root, path, component: later(load, useId) })
  return route
}
const one = (path: string) => (id: string): QueryKey => [path, 'one', id]
const nameOfKind = (k: Kind): Name => ({ section: k.title, of: one(k.path), isNew: k.create })
const resourcePages = Object.values(kinds).filter((k) => k !== kinds.flows && k !== kinds.campaigns).flatMap((k) => [
  page(k.page, { section: k.title }, () => <ResourceList kind={k} />),
  loaded(`${k.page}/$id`, nameOfKind(k), async () => {
    const { ResourceForm } = await import('./ResourceForm')
    return (id) => <ResourceForm key={id} kind={k} id={id} />
  }),
])

// A campaign's pages are within one frame, which stays when another tab is chosen.
const campaignContent = (choose: (all: typeof import('./Execution')) => Content) =>
  later(async () => choose(await import('./Execution')), () => idOf(campaign))
const campaign: AnyRoute = createRoute({
  getParentRoute: () => root, path: '/campaigns/$id', notFoundComponent: NotFound,
  component: campaignContent(({ CampaignFrame }) => (id) => <CampaignFrame key={id} id={id} />),
})
const campaignPage = (path: string, choose: (all: typeof import('./Execution')) => Content) =>
  createRoute({ getParentRoute: () => campaign, path, component: campaignContent(choose) })
const campaignPages = campaign.addChildren([
  campaignPage('/', ({ CampaignPart }) => (id) => <CampaignPart id={id} part="general" />),
  campaignPage('/money', ({ CampaignPart }) => (id) => <CampaignPart id={id} part="money" />),
  campaignPage('/callers', ({ CampaignPart }) => (id) => <CampaignPart id={id} part="callers" />),
  campaignPage('/execution', ({ ExecutionSettings }) => (id) => <ExecutionSettings id={id} />),
])

const ofCall = (id: string): QueryKey => ['call', id]
const router = createRouter({
  parseSearch, stringifySearch,
  defaultPreload: 'intent',
  routeTree: root.addChildren([
    loaded('/', { section: t('Dashboard') }, async () => {
      const { Dashboard } = await import('./Reports')
      return () => <Dashboard />
    }),
    loaded('/reports', { section: t('Reports') }, async () => {
      const { Reports } = await import('./Reports')
      return () => <Reports />
    }),
    page('/calls', { section: t('Calls') }, () => <Calls />),
    page('/calls/live', { section: t('Live calls') }, () => <LiveCalls />),
    loaded('/calls/$id/canvas', { section: t('Calls'), of: ofCall }, async () => {
      const { default: CallTrace } = await import('./flow/CallTrace')
      return (id) => <CallTrace key={id} id={id} />
    }),
    loaded('/calls/$id', { section: t('Calls'), of: ofCall }, async () => {
      const { default: Call } = await import('./calls/Call')
      return (id) => <Call key={id} id={id} />
    }),
    page('/campaigns', { section: kinds.campaigns.title }, () => <ResourceList kind={kinds.campaigns} />),
    loaded('/campaigns/new', { section: kinds.campaigns.create }, async () => {
      const { CreateCampaign } = await import('./Execution')
      return () => <CreateCampaign />
    }),
    campaignPages,
    page(kinds.flows.page, { section: kinds.flows.title }, () => <FlowList />),
    loaded(`${kinds.flows.page}/$id`, nameOfKind(kinds.flows), async () => {
      const { default: Builder } = await import('./flow/Builder')
      return (id) => <Builder key={id} id={id} />
    }),
    page(incomingRequests.page, { section: incomingRequests.title }, () => <IncomingRequests />),
    page(`${incomingRequests.page}/$id`, { section: incomingRequests.title, of: one('incoming-webhook-requests') },
      ({ id }) => <Request path="incoming-webhook-requests" id={id} />),
    page(outgoingRequests.page, { section: outgoingRequests.title }, () => <OutgoingRequests />),
    page(`${outgoingRequests.page}/$id`, { section: outgoingRequests.title, of: one('outgoing-webhook-requests') },
      ({ id }) => <Request path="outgoing-webhook-requests" id={id} />),
    page(rtbRequests.page, { section: rtbRequests.title }, () => <RtbRequests />),
    page(`${rtbRequests.page}/$id`, { section: rtbRequests.title, of: one('rtb-requests') },
      ({ id }) => <RtbRequest key={id} id={id} />),
    loaded('/settings/organization', { section: t('Organization') }, async () => {
      const { Organization } = await import('./Organization')
      return () => <Organization />
    }),
    page('/settings/audit-log', { section: t('Audit Log') }, () => <AuditLog />),
    page('/account', { section: t('Your account') }, () => <Account />),
    page('/sign-out', { section: t('Sign out') }, () => <SignOut />),
    ...resourcePages,
  ]),
})

// A request that the server refused is not repeated: its answer would be the same.
const isRefused = (e: Error) => e instanceof ApiError && e.problem.status >= 400 && e.problem.status < 500
const client = new QueryClient({
  defaultOptions: { queries: { retry: (failures, e) => failures < 1 && !isRefused(e) } },
})

const close = { defaultProps: { closeButtonProps: { 'aria-label': t('Close') } } }
const sentenceCase = { defaultProps: { tt: 'none' } }
const theme = createTheme({
  primaryShade: 8, components: { Modal: close, Drawer: close, Badge: sentenceCase },
})

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider defaultColorScheme="auto" theme={theme}>
      <QueryClientProvider client={client}>
        <Notifications position="bottom-right" />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
