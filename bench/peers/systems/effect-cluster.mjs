import { Layer } from 'effect';
import { ClusterWorkflowEngine, TestRunner } from 'effect/cluster';
import { openEffect } from './effect.mjs';

export const packages = ['effect'];
export const open = () => openEffect(ClusterWorkflowEngine.layer.pipe(Layer.provideMerge(TestRunner.layer)));
