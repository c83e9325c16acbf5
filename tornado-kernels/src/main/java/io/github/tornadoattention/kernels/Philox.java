package io.github.tornadoattention.kernels;

/**
 * The counter-based generator Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
 * 2011): four random words from a counter of four words and a key of two, with no state in between.
 */
public final class Philox {
    public static final int ROUNDS = 10;
    public static final long MULTIPLIER_A = 0xD2511F53L;
    public static final long MULTIPLIER_B = 0xCD9E8D57L;
    /** The key moves by these from round to round: the golden ratio and the square root of 3, less 1. */
    public static final int STEP_LOW = 0x9E3779B9;
    public static final int STEP_HIGH = 0xBB67AE85;
    private static final long WORD = 0xFFFFFFFFL;

    private Philox() {
    }

    /** Replaces the counter's four words by the four random ones of this key. */
    public static void words(int[] counter, int keyLow, int keyHigh) {
        int low = keyLow;
        int high = keyHigh;
        for (int round = 0; round < ROUNDS; round++) {
            long a = (counter[0] & WORD) * MULTIPLIER_A;
            long b = (counter[2] & WORD) * MULTIPLIER_B;
            counter[0] = (int) (b >>> 32) ^ counter[1] ^ low;
            counter[1] = (int) b;
            counter[2] = (int) (a >>> 32) ^ counter[3] ^ high;
            counter[3] = (int) a;
            low = low + STEP_LOW;
            high = high + STEP_HIGH;
        }
    }
}
