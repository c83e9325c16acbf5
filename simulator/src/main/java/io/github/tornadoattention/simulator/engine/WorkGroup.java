package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.Settings.Scheduling;
import java.util.ArrayList;
import java.util.List;

/** One group: its work-items run one after the other up to their next barrier, again and again until all have ended. */
final class WorkGroup {

    private static final int NAMED_ITEMS = 4;

    private final Launch launch;
    private final KernelFault.Place place;
    private final WatchedLaunch watched;
    private final GroupItem[] items;

    /** {@code watched} is null unless the launch is watched. */
    WorkGroup(Launch launch, int index, LocalMemory memory, Scheduling scheduling, WatchedLaunch watched) {
        this.launch = launch;
        this.place = launch.geometry().groupPlace(index);
        this.watched = watched;
        memory.reset();
        if (watched != null) {
            watched.startGroup(index, memory);
        }
        items = new GroupItem[launch.geometry().itemsPerGroup()];
        for (int i = 0; i < items.length; i++) {
            items[i] = new GroupItem(launch, place, i, memory, scheduling);
        }
    }

    /** Runs the group to its end, or throws its fault. */
    void run() {
        try {
            while (runToBarrier()) {
                if (watched != null) {
                    watched.nextInterval();
                }
            }
        } finally {
            for (GroupItem item : items) {
                item.abandon();
            }
        }
    }

    /** Whether all work-items wait at one barrier; otherwise all have ended. */
    private boolean runToBarrier() {
        int waiting = 0;
        boolean sameSite = true;
        for (int i = 0; i < items.length; i++) {
            GroupItem item = items[i];
            if (item.isDone()) {
                continue;
            }
            if (watched != null) {
                watched.run(i);
            }
            item.resume();
            if (item.failure() != null) {
                throw launch.faults().ofThrown(item.failure(), place, List.of(item.place()));
            }
            if (!item.isDone()) {
                waiting++;
                sameSite &= item.site() == items[0].site();
            }
        }
        if (waiting > 0 && (waiting < items.length || !sameSite)) {
            throw divergence();
        }
        return waiting > 0;
    }

    private KernelFault divergence() {
        List<GroupItem> waiting = new ArrayList<>();
        List<GroupItem> others = new ArrayList<>();
        for (GroupItem item : items) {
            if (!item.isDone() && (waiting.isEmpty() || item.site() == waiting.getFirst().site())) {
                waiting.add(item);
            } else {
                others.add(item);
            }
        }
        GroupItem first = waiting.getFirst();
        GroupItem other = others.getFirst();
        String what = waiting.size() + " of " + items.length + " work-items wait at the barrier of "
                + SourceSites.describe(first.site()) + ", among them " + named(waiting) + "; "
                + (other.isDone() ? "ended without it: " : "elsewhere, first at " + SourceSites.describe(other.site()) + ": ")
                + named(others);
        return launch.faults().divergence(what, place, List.of(first.place(), other.place()),
                first.site() == WorkItem.UNKNOWN_SITE ? null : SourceSites.describe(first.site()));
    }

    private static String named(List<GroupItem> items) {
        StringBuilder names = new StringBuilder();
        for (GroupItem item : items.subList(0, Math.min(NAMED_ITEMS, items.size()))) {
            names.append(names.isEmpty() ? "" : " ").append(item.place());
        }
        return names.append(items.size() > NAMED_ITEMS ? " ..." : "").toString();
    }
}
