package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.KernelFault;

/** Numbers that go from lane to lane of a warp without memory. */
final class Shuffles {

    private Shuffles() {
    }

    /** The sum over all lanes, added in pairs of lanes that are 16, 8, 4, 2 and 1 apart, as the CUDA backend does. */
    static float sum(GroupItem lane, float value, int site) {
        float[] left = bring(lane, "simdSum", value, site).clone();
        for (int apart = Warp.LANES / 2; apart > 0; apart /= 2) {
            for (int i = 0; i < apart; i++) {
                left[i] += left[i + apart];
            }
        }
        return left[0];
    }

    /** The value of the lane that is {@code delta} further on; the own one where there is none. */
    static float down(GroupItem lane, float value, int delta, int site) {
        if (delta < 0 || delta >= Warp.LANES) {
            throw new Violation(KernelFault.Kind.WARP_OPERAND,
                    "simdShuffleDown by " + delta + " lanes: the device takes 0 to " + (Warp.LANES - 1));
        }
        float[] values = bring(lane, "simdShuffleDown", value, site);
        return lane.lane() + delta < Warp.LANES ? values[lane.lane() + delta] : value;
    }

    /** The value of lane 0. */
    static float first(GroupItem lane, float value, int site) {
        return bring(lane, "simdBroadcastFirst", value, site)[0];
    }

    private static float[] bring(GroupItem lane, String operation, float value, int site) {
        float[] values = lane.exchange().values;
        values[lane.lane()] = value;
        lane.meet(operation, site);
        return values;
    }
}
