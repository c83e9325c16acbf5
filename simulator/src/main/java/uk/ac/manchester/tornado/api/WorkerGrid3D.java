package uk.ac.manchester.tornado.api;

/** A box of work-items. */
public class WorkerGrid3D extends AbstractWorkerGrid {

    /** The number of dimensions. */
    public static final int DIM = 3;

    /** A grid of so many work-items in all. */
    public WorkerGrid3D(int x, int y, int z) {
        super(x, y, z);
    }

    @Override
    public int dimension() {
        return DIM;
    }
}
