"""Data: readers of every data set behind one interface, the frame store, the sampler, augmentation."""
