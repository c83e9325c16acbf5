package io.github.tornadoattention.host.tornado;

import io.github.tornadoattention.host.DeviceException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Lanes that blocks take in turn, each with arrays, plans and a thread of its own: while one is on the device, the host fills
 * the other and puts away what came back. TornadoVM gives each plan and thread a command queue of its own, so that transfers of
 * one lane go on beside the kernels of the other where the device does both at once. What a block gave is consumed by the
 * caller's thread and in the order in which blocks were started, so results do not depend on which lane was faster.
 */
final class BlockLanes implements AutoCloseable {
    private final int count;
    private final Supplier<BlockKernels> maker;
    private final List<Lane> lanes = new ArrayList<>();
    private final Deque<Pending> pending = new ArrayDeque<>();
    private int turn;

    /** Arrays and plans, and who runs them. */
    static final class Lane {
        final BlockKernels kernels;
        private final ExecutorService thread;
        private @Nullable Object holds;
        private boolean forwardRan;
        private boolean backwardRan;

        Lane(BlockKernels kernels, int number) {
            this.kernels = kernels;
            this.thread = Executors.newSingleThreadExecutor(task -> {
                Thread worker = new Thread(task, "attention-blocks-" + number);
                worker.setDaemon(true);
                return worker;
            });
        }

        /** Whether the arrays of queries hold something else than this, which they do from now on. */
        boolean mustLoad(Object queries) {
            boolean other = !queries.equals(holds);
            holds = queries;
            return other;
        }
    }

    /** A block on its way, or something to be done once those before it are consumed. */
    private record Pending(@Nullable Lane lane, @Nullable Future<Stage.Cost> cost, Consumer<Stage.Cost> then) {}

    BlockLanes(int count, Supplier<BlockKernels> maker) {
        this.count = count;
        this.maker = maker;
    }

    /** The kernels of the first lane, for what is the same for all. */
    BlockKernels first() {
        return lane(0).kernels;
    }

    private Lane lane(int number) {
        while (lanes.size() <= number) {
            lanes.add(new Lane(maker.get(), lanes.size()));
        }
        return lanes.get(number);
    }

    /** The lane whose turn it is; what it computed before is consumed. */
    Lane next() {
        Lane lane = lane(turn);
        turn = (turn + 1) % count;
        while (pending.stream().anyMatch(one -> one.lane == lane)) {
            consume();
        }
        return lane;
    }

    /** Starts a block on a lane. A lane's first run of each direction is waited for, since plans compile one at a time. */
    void start(Lane lane, boolean backward, Supplier<Stage.Cost> block, Consumer<Stage.Cost> then) {
        Future<Stage.Cost> cost = lane.thread.submit(block::get);
        pending.add(new Pending(lane, cost, then));
        if (backward ? !lane.backwardRan : !lane.forwardRan) {
            lane.backwardRan |= backward;
            lane.forwardRan |= !backward;
            result(cost);
        }
    }

    /** Does something once all blocks that were started before are consumed. */
    void after(Runnable work) {
        pending.add(new Pending(null, null, ignored -> work.run()));
    }

    /** Consumes everything. */
    void finish() {
        while (!pending.isEmpty()) {
            consume();
        }
    }

    /** Waits for what is still running, and forgets it: after a failure. */
    void abandon() {
        for (Lane lane : lanes) {
            lane.holds = null;
        }
        while (!pending.isEmpty()) {
            Future<Stage.Cost> cost = pending.remove().cost;
            if (cost != null) {
                try {
                    result(cost);
                } catch (RuntimeException | Error e) {
                    continue; // the first failure is the one to report
                }
            }
        }
    }

    private void consume() {
        Pending oldest = pending.remove();
        oldest.then.accept(oldest.cost == null ? Stage.Cost.UNKNOWN : result(oldest.cost));
    }

    private static <T> T result(Future<T> future) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DeviceException("interrupted while a block was on the device", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                case null, default -> throw new DeviceException(String.valueOf(e.getMessage()), e);
            }
        }
    }

    /** Each plan is closed by the thread that ran it, whose command queues it gives back. */
    @Override
    public void close() {
        try {
            for (Lane lane : lanes) {
                result(lane.thread.submit(lane.kernels::close, lane));
            }
        } finally {
            lanes.forEach(lane -> lane.thread.shutdown());
            lanes.clear();
        }
    }
}
