package uk.ac.manchester.tornado.api;

/** A line of work-items. */
public class WorkerGrid1D extends AbstractWorkerGrid {

    /** The number of dimensions. */
    public static final int DIM = 1;

    /** A grid of so many work-items in all. */
    public WorkerGrid1D(int x) {
        super(x, 1, 1);
    }

    @Override
    public int dimension() {
        return DIM;
    }
}
