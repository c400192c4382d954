import { WorkflowEngine } from 'effect/workflow';
import { openEffect } from './effect.mjs';

export const packages = ['effect'];
export const open = () => openEffect(WorkflowEngine.layerMemory);
