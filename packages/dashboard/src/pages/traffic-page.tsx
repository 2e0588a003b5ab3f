// Traffic: what was captured, over time and one by one, and any one of it opened.
import { Box, Flex, VisuallyHidden } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { AccountingFooter } from '../parts/accounting-footer.tsx';
import { HEADER_HEIGHT } from '../parts/app-frame.tsx';
import { PairDrawer } from '../parts/pair-drawer.tsx';
import { TrafficGraph } from '../parts/traffic-graph.tsx';
import { TrafficList } from '../parts/traffic-list.tsx';
import { type SearchChange, TrafficToolbar } from '../parts/traffic-toolbar.tsx';
import { parseTrafficSearch } from '../traffic-search.ts';

const route = getRouteApi('/frame/traffic');

export function TrafficPage() {
  useDocumentTitle('Traffic · Echoplane');
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [live, setLive] = useState(true);
  const change = useCallback(
    (fields: SearchChange, replace = false) => {
      navigate({
        search: (old) => parseTrafficSearch({ ...old, ...fields }),
        replace,
        resetScroll: false,
      }).catch(() => {});
    },
    [navigate],
  );
  return (
    <Flex direction="column" h={`calc(100dvh - ${HEADER_HEIGHT}px)`} mih={560}>
      <VisuallyHidden component="h1">Traffic</VisuallyHidden>
      <Box px="md" py="xs">
        <TrafficToolbar search={search} onChange={change} />
      </Box>
      <TrafficGraph
        search={search}
        onSpan={(from, to) => change({ from: Math.floor(from), to: Math.ceil(to) })}
      />
      <TrafficList search={search} onChange={change} onLive={setLive} />
      <AccountingFooter live={live} />
      <PairDrawer id={search.pair} onClose={() => change({ pair: undefined })} />
    </Flex>
  );
}
