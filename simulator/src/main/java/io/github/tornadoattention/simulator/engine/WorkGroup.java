package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;
import io.github.tornadoattention.simulator.KernelFault.Kind;
import io.github.tornadoattention.simulator.Settings.Scheduling;
import java.util.ArrayList;
import java.util.List;

/**
 * One group: its work-items run one after the other up to their next barrier, again and again until all have ended. In between,
 * those of a warp meet at its operations.
 */
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
        Warp warp = null;
        for (int i = 0; i < items.length; i++) {
            warp = i % Warp.LANES == 0 ? new Warp() : warp;
            items[i] = new GroupItem(launch, place, i, memory, warp, scheduling);
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
        for (int first = 0; first < items.length; first += Warp.LANES) {
            int end = Math.min(first + Warp.LANES, items.length);
            do {
                resume(first, end);
            } while (meet(first, end));
        }
        int waiting = 0;
        boolean sameSite = true;
        for (GroupItem item : items) {
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

    private void resume(int first, int end) {
        for (int i = first; i < end; i++) {
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
        }
    }

    /** Whether all lanes of a warp are at one operation; otherwise none is at any. */
    private boolean meet(int first, int end) {
        GroupItem one = null;
        for (int i = first; i < end && one == null; i++) {
            one = items[i].operation() == null ? null : items[i];
        }
        if (one == null) {
            return false;
        }
        List<GroupItem> away = new ArrayList<>();
        for (int i = first; i < end; i++) {
            if (!one.operation().equals(items[i].operation()) || items[i].site() != one.site()) {
                away.add(items[i]);
            }
        }
        if (!away.isEmpty() || end - first < Warp.LANES) {
            throw apart(one, end - first, away);
        }
        return true;
    }

    private KernelFault apart(GroupItem one, int lanes, List<GroupItem> away) {
        StringBuilder what = new StringBuilder().append(lanes - away.size()).append(" lanes of a warp of ").append(Warp.LANES)
                .append(" are at ").append(one.operation()).append(" of ").append(SourceSites.describe(one.site()));
        if (away.isEmpty()) {
            what.append("; the group ends there, and the device waits for lanes that do not exist");
            return diverged(Kind.WARP_DIVERGENCE, what.toString(), one, List.of(one.place()));
        }
        GroupItem other = away.getFirst();
        what.append("; ");
        if (other.isDone()) {
            what.append("ended without it: ");
        } else {
            what.append("elsewhere, first at ").append(other.operation() == null ? "the barrier" : other.operation())
                    .append(" of ").append(SourceSites.describe(other.site())).append(": ");
        }
        return diverged(Kind.WARP_DIVERGENCE, what.append(named(away)).toString(), one, List.of(one.place(), other.place()));
    }

    private KernelFault diverged(Kind kind, String what, GroupItem at, List<KernelFault.Place> places) {
        return launch.faults().divergence(kind, what, place, places,
                at.site() == WorkItem.UNKNOWN_SITE ? null : SourceSites.describe(at.site()));
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
        return diverged(Kind.BARRIER_DIVERGENCE, what, first, List.of(first.place(), other.place()));
    }

    private static String named(List<GroupItem> items) {
        StringBuilder names = new StringBuilder();
        for (GroupItem item : items.subList(0, Math.min(NAMED_ITEMS, items.size()))) {
            names.append(names.isEmpty() ? "" : " ").append(item.place());
        }
        return names.append(items.size() > NAMED_ITEMS ? " ..." : "").toString();
    }
}
