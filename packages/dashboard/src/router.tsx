// The addresses of the dashboard. Everything but sign-in lies inside the frame, which asks who is signed in.
import { createRootRoute, createRoute, createRouter, redirect } from '@tanstack/react-router';
import { ClustersPage } from './pages/clusters-page.tsx';
import { NotFoundPage } from './pages/not-found-page.tsx';
import { ReportPage } from './pages/report-page.tsx';
import { ReportsPage } from './pages/reports-page.tsx';
import { SignInPage } from './pages/sign-in-page.tsx';
import { TrafficPage } from './pages/traffic-page.tsx';
import { AppFrame } from './parts/app-frame.tsx';
import { CrashNotice } from './parts/crash-notice.tsx';
import { parseTrafficSearch } from './traffic-search.ts';

const root = createRootRoute({ notFoundComponent: NotFoundPage, errorComponent: CrashNotice });

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  component: SignInPage,
  validateSearch: ({ next }: Record<string, unknown>): { next?: string } =>
    isLocalAddress(next) ? { next } : {},
});

const frame = createRoute({ getParentRoute: () => root, id: 'frame', component: AppFrame });

const home = createRoute({
  getParentRoute: () => frame,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/traffic' });
  },
});

const traffic = createRoute({
  getParentRoute: () => frame,
  path: '/traffic',
  component: TrafficPage,
  validateSearch: parseTrafficSearch,
});

const reports = createRoute({ getParentRoute: () => frame, path: '/reports', component: ReportsPage });

const report = createRoute({
  getParentRoute: () => frame,
  path: '/reports/$replayId',
  component: ReportPage,
  validateSearch: ({ pair, compare }: Record<string, unknown>): { pair?: string; compare?: string } => ({
    ...(typeof pair === 'string' ? { pair } : {}),
    ...(typeof compare === 'string' ? { compare } : {}),
  }),
});

const clusters = createRoute({ getParentRoute: () => frame, path: '/clusters', component: ClustersPage });

/** Only a place on this origin may be returned to after signing in. */
function isLocalAddress(next: unknown): next is string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next);
}

export const router = createRouter({
  routeTree: root.addChildren([signIn, frame.addChildren([home, traffic, reports, report, clusters])]),
  // What no route knows is dropped: only checked values reach a page.
  search: { strict: true },
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
