import { Piscina } from 'piscina';
import { openPool } from './thread-pool.mjs';

export const packages = ['piscina'];
export const open = () => openPool(Piscina);
